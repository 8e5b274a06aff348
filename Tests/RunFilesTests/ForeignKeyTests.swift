import RunFiles
import Scratch
import Testing

@Suite("Run files of other trainers")
struct ForeignKeyTests {
    /// The messages of a refusal, or nothing.
    private func messages(_ yaml: String, _ overrides: String...) -> [String] {
        do {
            _ = try RunFile(yaml: yaml, file: "run.yaml", overrides: overrides)
            return []
        } catch { return error.faults.map(\.description) }
    }

    @Test("everything that is wrong is said at once, in the order of the file, the command line last")
    func allAtOnce() {
        let yaml = """
            beta: large
            learning_rte: 1
            seed: -1
            warmup_steps: 3
            warmup_ratio: 0.1
            adam_beta1: 0.9
            optim: sgd
            loss_type: simpo
            eval_steps: 5
            """
        #expect(
            messages(yaml, "foo", "max_steps=0", "model=m") == [
                "run.yaml:1: beta is large; expected a number above 0",
                "run.yaml:2: there is no key learning_rte; did you mean learning_rate?",
                "run.yaml:3: seed is -1; expected a whole number, 0 or more",
                "run.yaml:5: warmup_ratio contradicts warmup_steps (run.yaml:4); give one of them",
                "run.yaml:6: adam_beta1 is not used: optim sgd doesn't read it; remove it",
                "run.yaml:9: eval_steps is not used: there is no eval_file; remove it",
                "--set foo: expected key=value, for instance --set learning_rate=1e-6",
                "--set model=m: model is no key here; here write model_name_or_path: m",
                "--set max_steps=0: max_steps is 0; expected a whole number, 1 or more",
            ])
    }

    @Test("nothing follows from a key that couldn't be read")
    func noConsequences() {
        #expect(
            messages("model_name_or_path: m\nloss_type: dpq\ngamma: 1\nweights: {a: 1}\nuse_peft: maybe\nlora_r: 4")
                .count == 2)
        #expect(messages("base_model: m\nfinetuning_type: lora\nlora_rank: 4\nlora_alpha: 8").count == 3)
    }

    @Test("a LLaMA-Factory file is told what each key becomes")
    func llamaFactory() {
        let yaml = """
            model_name_or_path: m
            stage: dpo
            do_train: true
            finetuning_type: lora
            lora_rank: 8
            lora_target: all
            pref_beta: 0.1
            pref_loss: simpo
            simpo_gamma: 0.7
            pref_ftx: 0.5
            dataset: pairs
            template: llama3
            cutoff_len: 2048
            quantization_bit: 4
            deepspeed: ds_z3.json
            fp16: true
            """
        #expect(
            messages(yaml) == [
                "run.yaml:2: stage is a key of LLaMA-Factory; here loss_type says it, which pref_loss (run.yaml:8) gives "
                    + "already; remove it",
                "run.yaml:3: do_train is no key here; train trains, and evaluates eval_file if there is one; remove it",
                "run.yaml:4: finetuning_type is a key of LLaMA-Factory; here write use_peft: true",
                "run.yaml:5: lora_rank is a key of LLaMA-Factory and OpenRLHF; here write lora_r: 8",
                "run.yaml:6: lora_target is a key of LLaMA-Factory; here write lora_target_modules: all-linear",
                "run.yaml:7: pref_beta is a key of LLaMA-Factory; here write beta: 0.1",
                "run.yaml:8: pref_loss is a key of LLaMA-Factory; here write loss_type: simpo",
                "run.yaml:9: simpo_gamma is a key of TRL and LLaMA-Factory; here write gamma: 0.7",
                "run.yaml:10: pref_ftx is a key of LLaMA-Factory; here write nll_weight: 0.5",
                "run.yaml:11: dataset is a key of LLaMA-Factory and OpenRLHF; rows are read from files: write "
                    + "train_file: PATH and eval_file: PATH; remove it",
                "run.yaml:12: template is no key here; conversations are written by the chat template in the tokenizer's "
                    + "folder (tokenizer_name_or_path); remove it",
                "run.yaml:13: cutoff_len is a key of LLaMA-Factory; here write max_length: 2048",
                "run.yaml:14: quantization_bit is a key of LLaMA-Factory; here write load_in_4bit: true",
                "run.yaml:15: deepspeed is no key here; mpirun starts the ranks, and zero_stage: 1 shares the optimizer's "
                    + "state among them; remove it",
                "run.yaml:16: fp16 is no key here; weights, gradients and moments are float32; remove it",
            ])
    }

    @Test(
        "keys of other trainers are known, each with its remedy",
        arguments: [
            "evaluation_strategy", "max_prompt_length", "cutoff_len", "pref_beta", "pref_ftx", "pref_loss",
            "simpo_gamma",
            "stage", "deepspeed", "fsdp", "fsdp_config", "dataset_num_proc", "sequence_len", "micro_batch_size", "rl",
            "attn_implementation", "torch_dtype", "dtype", "push_to_hub", "hub_model_id", "hub_token", "logging_dir",
            "run_name", "ddp_timeout", "ddp_find_unused_parameters", "dataloader_num_workers", "dataloader_drop_last",
            "precompute_ref_log_probs", "reference_free", "f_divergence_type", "sync_ref_model", "use_liger_kernel",
            "padding_free", "fp16", "tf32", "warmup_min_lr", "gradient_checkpointing_kwargs", "remove_unused_columns",
            "label_smoothing_factor", "trust_remote_code", "model_revision", "dataset_name", "dataset_mixer", "do_eval",
            "wandb_project", "log_level", "save_safetensors", "resume_from_checkpoint", "overwrite_output_dir",
            "adapter",
            "val_set_size", "sample_packing", "flash_attention", "train_on_inputs", "chat_template", "datasets",
            "pretrain", "zpg", "adam_offload", "micro_train_batch_size", "apply_chat_template", "input_template", "l2",
            "save_path", "max_len", "group_by_length", "neftune_noise_alpha", "trainer_type",
        ])
    func known(key: String) {
        let found = messages("model_name_or_path: m\n\(key): true")
        guard key != "warmup_min_lr" else {
            #expect(found[0].contains("there is no key"), "a key that nobody has")
            return
        }
        #expect(found.count == 1 && !found[0].contains("there is no key"), "\(found)")
        #expect(
            found[0].contains("remove it") || found[0].contains("here write ") || found[0].contains("says it"),
            "\(found)")
    }

    @Test("keys of other trainers' PPO are told what says it here")
    func ppo() {
        let yaml = """
            model_name_or_path: m
            loss_type: ppo
            reward_pretrain: r
            eps_clip: 0.2
            lambd: 0.95
            ppo_epochs: 4
            reward_model: r
            remote_rm_url: http://localhost
            critic_pretrain: c
            n_samples_per_prompt: 8
            use_tensorboard: logs
            """
        #expect(
            messages(yaml).filter { !$0.contains("loss_type ppo needs a reward") } == [
                "run.yaml:3: reward_pretrain is a key of OpenRLHF; here write rewards: {reward: \"model:r\"}",
                "run.yaml:4: eps_clip is a key of OpenRLHF; here write cliprange: 0.2",
                "run.yaml:5: lambd is a key of OpenRLHF; here write lam: 0.95",
                "run.yaml:6: ppo_epochs is a key of TRL and LLaMA-Factory; here write num_ppo_epochs: 4",
                "run.yaml:7: reward_model is a key of LLaMA-Factory; here rewards says it, which reward_pretrain (run.yaml:3) "
                    + "gives already; remove it",
                "run.yaml:8: remote_rm_url is a key of TRL, LLaMA-Factory and OpenRLHF; rewards: {NAME: SPEC} says it; SPEC is "
                    + "model:DIR, a reward model, or command:\"PROGRAM\", endpoint:URL,model=NAME; remove it",
                "run.yaml:9: critic_pretrain is a key of OpenRLHF; values are a head on the policy, trained with it and by its "
                    + "learning_rate; vf_coef weighs their error; remove it",
                "run.yaml:10: n_samples_per_prompt is a key of OpenRLHF; each prompt of a step is answered once; an epoch more, "
                    + "or a weight on train_file, answers it again; remove it",
                "run.yaml:11: use_tensorboard is a key of OpenRLHF; here write report_to: tensorboard",
            ])
        #expect(messages("model_name_or_path: m\nreward_model: true") == [
            "run.yaml:2: reward_model is a key of axolotl; here write loss_type: reward"
        ])
    }

    @Test("a loss by another name is told its name here")
    func losses() {
        #expect(
            messages("model_name_or_path: m\nloss_type: dpo")
                == ["run.yaml:2: loss_type is dpo, which isn't one of its values here; write sigmoid"])
    }

    @Test("what a TRL recipe may say here too is read: lists of one loss, strategies, report_to, max_steps: -1")
    func accepted() throws {
        let run = try RunFile(
            yaml: """
                model_name_or_path: m
                loss_type: [sigmoid]
                per_device_train_batch_size: 2
                num_train_epochs: 1
                max_steps: -1
                eval_file: e
                eval_strategy: steps
                eval_steps: 5
                save_strategy: "no"
                report_to: []
                optim: paged_adamw_32bit
                """, file: "run.yaml")
        #expect(run.loss.types == ["sigmoid"] && run.duration == .epochs(1) && run.optimizer.kind == .adamw)
        #expect(run.records.evaluates(after: 5, stepsPerEpoch: 7) && !run.records.evaluates(after: 7, stepsPerEpoch: 7))
        #expect(!run.records.saves(after: 500, stepsPerEpoch: 7))
        let byEpoch = try RunFile(
            yaml: "model_name_or_path: m\neval_file: e\neval_strategy: epoch\nsave_strategy: epoch", file: "run.yaml")
        #expect(
            byEpoch.records.evaluates(after: 14, stepsPerEpoch: 7) && byEpoch.records.saves(after: 7, stepsPerEpoch: 7))
        #expect(!byEpoch.records.evaluates(after: 8, stepsPerEpoch: 7))
        #expect(try RunFile(yaml: byEpoch.resolved(), file: "run.yaml") == byEpoch)
    }

    // MARK: extends

    @Test("a run file's own keys win over those of the file that it extends, and over what contradicts them there")
    func extends() throws {
        let folder = try TemporaryDirectory()
        _ = try folder.write("model_name_or_path: m\nseed: 3\nextends: deep/first.yaml\n", as: "base.yaml")
        _ = try folder.write("num_train_epochs: 2\nbeta: 0.4\nseed: 2\n", as: "deep/first.yaml")
        let path = try folder.write("extends: base.yaml\nmax_steps: 5\n", as: "run.yaml")
        let yaml = "extends: base.yaml\nmax_steps: 5\n"
        let run = try RunFile(yaml: yaml, file: path, overrides: ["beta=0.5"])
        #expect(run.duration == .steps(5) && run.data.seed == 3 && run.model.path == "m")
        #expect(!run.resolved().contains("extends") && run.resolved().contains("beta: 0.5\n"))
    }

    @Test("faults of a file that is extended name it, and a circle or a missing file is refused")
    func extendsRefusals() throws {
        let folder = try TemporaryDirectory()
        let base = try folder.write("model_name_or_path: m\nbeta: x\n", as: "base.yaml")
        let path = folder.file("run.yaml")
        func message(_ yaml: String, _ overrides: String...) -> String {
            do {
                _ = try RunFile(yaml: yaml, file: path, overrides: overrides)
                return "accepted"
            } catch { return "\(error)" }
        }
        #expect(
            message("seed: y\nextends: base.yaml")
                == "\(folder.file("base.yaml")):2: beta is x; expected a number above 0\n"
                + "\(path):1: seed is y; expected a whole number, 0 or more")
        #expect(message("extends: base.yaml", "beta=1") == "accepted")
        #expect(message("extends: none.yaml").hasPrefix("\(path):1: extends: none.yaml can't be read: "))
        #expect(message("extends: [a]") == "\(path):1: extends is a list; expected the path of another run file")
        _ = try folder.write("extends: base.yaml\n", as: "run.yaml")
        _ = try folder.write("extends: run.yaml\n", as: "base.yaml")
        #expect(
            message("extends: base.yaml")
                == "\(base):1: extends: run.yaml leads back to a file that is being read; remove one of the extends in the circle"
        )
        #expect(
            message("model_name_or_path: m", "extends=a")
                == "--set extends=a: extends is not used: it is for run files, not for --set; remove it")
    }
}
