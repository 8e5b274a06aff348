import Objectives
import Preferences
import Rewards
import RunFiles
import Testing

@Suite("Recipes of other trainers")
struct RecipeImportTests {
    private func read(_ text: String, from trainer: PeerTrainer? = nil) throws -> (RecipeImport, RunFile) {
        let recipe = try RecipeImport(text: text, file: "recipe", from: trainer)
        return (recipe, try RunFile(yaml: recipe.yaml, file: "run.yaml"))
    }

    private func verdicts(_ recipe: RecipeImport) -> [String: RecipeImport.Note.Verdict] {
        Dictionary(recipe.notes.map { ($0.key, $0.verdict) }) { first, _ in first }
    }

    @Test("TRL's: same keys stay, what isn't read there in silence is told, defaults that differ are written")
    func trl() throws {
        let (recipe, run) = try read(
            """
            model_name_or_path: m
            train_file: d.jsonl
            output_dir: o
            loss_type: [sigmoid]
            beta: 0.2
            max_steps: -1
            num_train_epochs: 1
            learning_rate: 5.0e-7
            fp16: true
            save_steps: 0.25
            report_to: [wandb]
            colour: red
            """)
        #expect(recipe.trainer == .trl)
        #expect(try run.objective == Objective(.sigmoid, ["beta": 0.2]))
        #expect(run.duration == .epochs(1) && run.data.truncation == .keepStart && run.optimizer.learningRate == 5e-7)
        let verdicts = verdicts(recipe)
        #expect(verdicts["num_train_epochs"] == .same && verdicts["fp16"] == .dropped && verdicts["colour"] == .unknown)
        #expect(verdicts["save_steps"] == .dropped && verdicts["truncation"] == .implied)
        #expect(recipe.open == ["model_name_or_path: m is no folder here; name the folder of the downloaded model"])
    }

    @Test(
        "each trainer of TRL cuts long rows in its own way, and the versions differ",
        arguments: [
            ("beta: 0.1", Truncation.keepStart, "cuts responses"),
            ("beta: 0.1\nmax_prompt_length: 512", .keepEndOfPrompt, "cuts every prompt's start to max_prompt_length"),
            ("beta: 0.1\ndataset_mixture: {datasets: []}", .keepEndOfPrompt, "cuts every prompt's start"),
            ("beta: 0.1\ndataset_mixer: {a/b: 1.0}\nmax_prompt_length: 512", .keepEndOfPrompt, "if the pair is too long"),
            ("loss_type: orpo\nmax_prompt_length: 512", .keepEndOfPrompt, "if the pair is too long"),
            ("packing: true\ndataset_mixture: {datasets: []}", .keepStart, "SFTTrainer cuts the end"),
            ("center_rewards_coefficient: 0.01", .drop, "leaves long rows out"),
        ])
    func truncation(keys: String, expected: Truncation, why: String) throws {
        let (recipe, run) = try read("model_name_or_path: m\nmax_length: 1024\n" + keys)
        #expect(run.data.truncation == expected)
        #expect(recipe.notes.contains { $0.key == "truncation" && $0.text.contains(why) })
    }

    @Test("γ is a margin in TRL's and LLaMA-Factory's keys and a ratio in SimPO's")
    func gamma() throws {
        let head = "model_name_or_path: m\nbeta: 2.0\n"
        #expect(
            try read(head + "loss_type: simpo\nsimpo_gamma: 0.5").1.objective
                == Objective(.simpo, ["beta": 2, "gamma": 0.5, "nll_weight": 1, "nll_reduction": "token"]))
        #expect(
            try read(head + "loss_type: simpo\nsimpo_gamma: 0.5\ncpo_alpha: 0").1.objective
                == Objective(.simpo, ["beta": 2, "gamma": 0.5, "nll_weight": 0, "nll_reduction": "token"]))
        #expect(
            try read(head + "gamma_beta_ratio: 0.3").1.objective
                == Objective(.simpo, ["beta": 2, "gamma_beta_ratio": 0.3]))
        #expect(
            try read("model_name_or_path: m\nstage: dpo\npref_loss: simpo\nsimpo_gamma: 0.7\npref_beta: 3").1.objective
                == Objective(.simpo, ["beta": 3, "gamma": 0.7]))
    }

    @Test("IPO is of means in TRL and of sums in OpenRLHF")
    func ipo() throws {
        #expect(
            try read("model_name_or_path: m\nloss_type: ipo").1.objective == Objective(.ipo, ["normalise": "mean"]))
        let command = "deepspeed --module openrlhf.cli.train_dpo \\\n  --pretrain m \\\n  --ipo \\\n  --beta 0.1"
        #expect(try read(command).1.objective == Objective(.ipo, ["normalise": "sum", "beta": 0.1]))
    }

    @Test("LLaMA-Factory's: its stage, its adapters by default, its own names")
    func llamaFactory() throws {
        let (recipe, run) = try read(
            """
            model_name_or_path: m
            stage: dpo
            lora_rank: 4
            pref_beta: 0.3
            pref_ftx: 0.5
            cutoff_len: 512
            learning_rate: 1e-5
            """)
        #expect(recipe.trainer == .llamaFactory && run.adapters.areUsed == true)
        #expect(run.adapters.rank == 4 && run.adapters.alpha == 8 && run.adapters.targets == .allLinear)
        #expect(run.data.maxLength == 512 && run.adapters.dropout == 0)
        #expect(try run.objective == Objective(.sigmoid, ["beta": 0.3, "nll_weight": 0.5]))
    }

    @Test("axolotl's: files of its data sets, its sizes and its schedule")
    func axolotl() throws {
        let (recipe, run) = try read(
            """
            base_model: m
            rl: orpo
            orpo_alpha: 0.2
            datasets:
              - path: data/pairs.jsonl
                type: chat_template.argilla
            sequence_len: 1024
            micro_batch_size: 2
            gradient_accumulation_steps: 4
            """)
        #expect(recipe.trainer == .axolotl && run.data.trainFiles == [DataFile(path: "data/pairs.jsonl")])
        #expect(run.batch.size == .perDevice(2, accumulation: 4) && run.optimizer.schedule == .cosine)
        #expect(try run.objective == Objective(.orpo, ["beta": 0.2]))
    }

    @Test("OpenRLHF's is a command: options over several lines, flags, comments, several values")
    func openRLHF() throws {
        let (recipe, run) = try read(
            """
            set -x
            read -r -d '' training_commands <<EOF
            openrlhf.cli.train_dpo \\
               --save_path ./out \\
               --save_steps -1 \\
               --train_batch_size 64 \\
               --pretrain m \\
               --max_len 2048 \\
               --adam_betas 0.9 0.98 \\
               --zero_stage 3 \\
               --label_smoothing=0.1 \\
               --gradient_checkpointing
            EOF
                # --ipo [for IPO]
            """)
        #expect(recipe.trainer == .openRLHF && run.model.path == "m" && run.batch.size == .global(64))
        #expect(run.records.savePace == .no && run.machine.gradientCheckpointing && run.optimizer.adamBeta2 == 0.98)
        #expect(try run.objective == Objective(.sigmoid, ["label_smoothing": 0.1]))
        #expect(verdicts(recipe)["zero_stage"] == .dropped)
    }

    @Test("OpenRLHF's grouped options are those of before, and the script names the loss")
    func openRLHFGrouped() throws {
        let (recipe, run) = try read(
            """
            read -r -d '' training_commands <<EOF
            openrlhf.cli.train_rm \\
               --ckpt.output_dir ./out \\
               --ckpt.save_steps -1 \\
               --eval.steps -1 \\
               --train.batch_size 256 \\
               --train.micro_batch_size 1 \\
               --model.model_name_or_path m \\
               --ds.param_dtype bf16 \\
               --ds.zero_stage 3 \\
               --ds.lora.rank 8 \\
               --adam.lr 9e-6 \\
               --adam.betas 0.9 0.95 \\
               --data.max_len 8192 \\
               --ckpt.load_enable \\
               --model.gradient_checkpointing_enable
            EOF
            deepspeed --module $training_commands
            """)
        #expect(recipe.trainer == .openRLHF && run.model.path == "m" && run.batch.size == .global(256))
        #expect(run.objective.lossTypes == ["reward"] && run.machine.roundsProducts && run.data.maxLength == 8192)
        #expect(run.optimizer.learningRate == 9e-6 && run.adapters.rank == 8 && run.machine.gradientCheckpointing)
        #expect(!recipe.notes.contains { $0.verdict == .unknown })
    }

    @Test("each key of a recipe has exactly one note of its own")
    func notes() throws {
        let (recipe, _) = try read("base_model: m\nrl: dpo\nfoo: 1\nfp16: auto\nseed: 3\nval_set_size: 0.1")
        for key in ["base_model", "rl", "foo", "fp16", "seed", "val_set_size"] {
            #expect(recipe.notes.count { $0.key == key } == 1, "\(key)")
        }
    }

    // MARK: PPO

    @Test("OpenRLHF's PPO: its clips, its λ, its batches and its reward model by their names here")
    func openRLHFPPO() throws {
        let (recipe, run) = try read(
            """
            ray job submit --address="http://127.0.0.1:8265" -- python3 -m openrlhf.cli.train_ppo_ray \\
               --pretrain m --reward_pretrain r --critic_pretrain r \\
               --rollout_batch_size 64 --train_batch_size 16 --micro_rollout_batch_size 8 --n_samples_per_prompt 1 \\
               --max_epochs 2 --num_episodes 3 --prompt_max_len 512 --generate_max_len 100 \\
               --eps_clip 0.3 --value_clip 0.4 --lambd 0.9 --gamma 0.99 --init_kl_coef 0.02 --kl_target 3 --kl_horizon 10000 \\
               --actor_learning_rate 5e-7 --critic_learning_rate 9e-6 --normalize_reward --temperature 0.8 \\
               --prompt_data prompts.jsonl --vllm_num_engines 2 --colocate_all_models --advantage_estimator gae
            """)
        #expect(recipe.trainer == .openRLHF)
        #expect(
            try run.objective
                == Objective(
                    .ppo, ["cliprange": 0.3, "cliprange_value": 0.4, "lam": 0.9, "gamma": 0.99, "kl_coef": 0.02]))
        #expect(run.rewards.sources == [NamedReward(name: "reward", source: .model("r"))])
        #expect(run.batch.globalBatchSize == 64 && run.ppo.miniBatches == 4 && run.ppo.epochs == 2)
        #expect(run.duration == .epochs(3) && run.ppo.responseLength == 100 && run.optimizer.learningRate == 5e-7)
        #expect(run.ppo.normalizesReward && run.ppo.temperature == 0.8 && run.ppo.target == 3)
        #expect(run.data.trainFiles.map(\.path) == ["prompts.jsonl"])
        let notes = Dictionary(recipe.notes.map { ($0.key, $0) }) { first, _ in first }
        #expect(notes["train_batch_size"]?.text == "num_mini_batches: 4, of 64 responses")
        #expect(notes["critic_learning_rate"]?.text.contains("by its learning_rate") == true)
        #expect(notes["vllm_num_engines"]?.text.contains("the ranks draw the responses themselves") == true)
        #expect(!recipe.notes.contains { $0.verdict == .unknown }, "\(recipe.notes.filter { $0.verdict == .unknown })")
    }

    @Test("OpenRLHF's grouped options of PPO are the same recipe, the critic's never the policy's")
    func openRLHFGroupedPPO() throws {
        let (recipe, run) = try read(
            """
            python3 -m openrlhf.cli.train_ppo_ray \\
               --actor.model_name_or_path m --critic.model_name_or_path c --reward.model_name_or_path r,s \\
               --rollout.batch_size 32 --train.batch_size 32 --rollout.max_new_tokens 50 --rollout.temperature 0.9 \\
               --actor.adam.lr 2e-6 --critic.adam.lr 9e-6 --critic.max_norm 5 --actor.max_norm 2 --eval.temperature 0.1 \\
               --actor.eps_clip 0.1 --critic.value_clip 0.3 --algo.kl.init_coef 0.5 --algo.advantage.lambd 0.7 \\
               --reward.normalize_enable --data.prompt_dataset p.jsonl --ckpt.output_dir o
            """)
        #expect(run.model.path == "m" && run.model.outputDirectory == "o" && run.optimizer.learningRate == 2e-6)
        #expect(run.rewards.sources.map(\.name) == ["reward1", "reward2"])
        #expect(run.optimizer.maxGradNorm == 2 && run.ppo.temperature == 0.9 && run.ppo.miniBatches == 1)
        #expect(
            try run.objective
                == Objective(.ppo, ["cliprange": 0.1, "cliprange_value": 0.3, "kl_coef": 0.5, "lam": 0.7]))
        #expect(!recipe.notes.contains { $0.verdict == .unknown }, "\(recipe.notes.filter { $0.verdict == .unknown })")
    }

    @Test("PPO of LLaMA-Factory and of TRL, with their reward models")
    func otherPPO() throws {
        let (_, factory) = try read(
            """
            model_name_or_path: m
            stage: ppo
            reward_model: r
            reward_model_type: full
            ppo_epochs: 2
            ppo_target: 4
            ppo_score_norm: true
            ppo_whiten_rewards: true
            ppo_buffer_size: 1
            max_new_tokens: 64
            """)
        #expect(factory.loss.types == ["ppo"] && factory.rewards.sources.map(\.source) == [.model("r")])
        #expect(factory.ppo.epochs == 2 && factory.ppo.target == 4 && factory.ppo.normalizesReward)
        #expect(factory.ppo.whitensRewards && factory.ppo.responseLength == 64 && factory.ppo.temperature == 0.95)
        let (recipe, trl) = try read(
            """
            model_name_or_path: m
            sft_model_path: m
            reward_model_path: r
            total_episodes: 10000
            num_ppo_epochs: 1
            missing_eos_penalty: 1.0
            local_rollout_forward_batch_size: 4
            num_sample_generations: 10
            report_to: [wandb, tensorboard]
            """)
        #expect(trl.loss.types == ["ppo"] && trl.rewards.sources.map(\.source) == [.model("r")])
        #expect(trl.ppo.epochs == 1 && trl.ppo.missingEOSPenalty == 1 && trl.ppo.temperature == 0.7)
        #expect(trl.records.reports == ["tensorboard"])
        #expect(!recipe.notes.contains { $0.verdict == .unknown }, "\(recipe.notes.filter { $0.verdict == .unknown })")
    }
}
