import Storage
import Testing

extension EndToEnd {
    /// Runs whose policy draws its own responses.
    @Suite struct PPORunTests {
        /// Of the toy's text model: brief responses are paid.
        private func settings(_ toy: Toy, _ others: JSONObject = [:]) throws -> JSONObject {
            let prompts = ["What is a spider?", "Question:", "The waiter brings tea", "An apple", "Ho", "pear and apple", "I"]
            let rows = prompts.map { JSON.object(["prompt": .string($0)]).text + "\n" }
            var settings: JSONObject = [
                "model_name_or_path": .string(try toy.textModel()), "loss_type": "ppo",
                "train_file": .string(try toy.folder.write(rows.joined(), as: "prompts.jsonl")),
                "rewards": ["brief": "length:-0.1"], "response_length": 8, "global_batch_size": 5, "max_steps": 3,
                "learning_rate": 3e-3, "num_ppo_epochs": 2, "num_mini_batches": 2, "kl_target": 0.5,
                "normalize_reward": true, "missing_eos_penalty": 0.5,
            ]
            for (name, value) in others.members { settings[name] = value }
            return settings
        }

        private func outcome(_ ranks: Int?, _ others: JSONObject = [:]) throws -> Outcome {
            let toy = try Toy()
            try toy.train(try settings(toy, others), ranks: ranks)
            return try toy.outcome()
        }

        @Test("ppo takes the same steps on 1, 2, 3 and 5 ranks")
        func ranks() throws {
            let alone = try outcome(nil)
            for ranks in [2, 3, 5] { #expect(try outcome(ranks) == alone, "\(ranks) ranks") }
            #expect(alone.steps.count == 3)
            #expect(alone.steps[0]["objective/kl"]?.double == 0)
            #expect(alone.steps.dropFirst().allSatisfy { ($0["objective/kl"]?.double ?? 0) != 0 })
            #expect(alone.steps[0]["objective/kl_coef"]?.double == 0.05)
            #expect(abs((alone.steps[1]["objective/kl_coef"]?.double ?? 0) - 0.05 * 0.98) < 1e-12)
        }

        @Test("a checkpoint has the value head beside the model and final/ doesn't; a resumed run is the run")
        func resumed() throws {
            let whole = try outcome(nil)
            let toy = try Toy()
            let settings = try settings(toy, ["save_steps": 2])
            try toy.train(settings, ranks: 2)
            #expect(FileSystem.exists(toy.output("checkpoint-2/value_head.safetensors")))
            #expect(!FileSystem.exists(toy.output("final/value_head.safetensors")))
            for name in ["checkpoint-3", "final"] { try FileSystem.removeTree(toy.output(name)) }
            let again = try toy.train(settings)
            #expect(again.says("going on after step 2"))
            #expect(try toy.outcome() == whole)
            let generated = try Program.run([
                "generate", "--model", toy.output("final"), "--prompt", "What", "--max-new-tokens", "3", "--output", "-",
            ])
            #expect(generated.status == 0, "\(generated.errors)")
        }

        @Test("rewards weighted 0 and 1 train as the second alone; adapters are trained too")
        func weighted() throws {
            let one = try outcome(nil, ["max_steps": 2])
            let two = try outcome(
                nil,
                [
                    "max_steps": 2, "rewards": ["long": "length:1", "brief": "length:-0.1"],
                    "reward_weights": ["long": 0, "brief": 1],
                ])
            #expect(two.weights == one.weights)
            let toy = try Toy()
            let ending = try toy.train(
                try settings(toy, ["max_steps": 2, "use_peft": true, "lora_r": 4, "lora_alpha": 8]), ranks: 2)
            #expect(ending.says("brief (length:-0.1)"))
            let names = try Tensors(toy.output("final/adapter_model.safetensors")).names
            #expect(!names.isEmpty && names.allSatisfy { $0.contains("lora_") })
        }

        @Test("the reward of the example's model rises under a lexicon of kind words")
        func rises() throws {
            let toy = try Toy()
            let folder = toy.folder.file("example")
            #expect(try Program.run(["example", folder]).status == 0)
            let lexicon = try toy.folder.write("happy\nbeautiful\ngood\nhelp\nvery\nlike\nwith\n", as: "kind.txt")
            try toy.train([
                "model_name_or_path": .string("\(folder)/model"), "train_file": .string("\(folder)/train.jsonl.gz"),
                "loss_type": "ppo", "rewards": ["kind": .string("lexicon:\(lexicon)")], "response_length": 24,
                "global_batch_size": 32, "max_steps": 12, "learning_rate": 1e-3, "max_length": 64,
                "micro_batch_tokens": 2048, "normalize_reward": true,
            ])
            let scores = try toy.steps().compactMap { $0["objective/scores"]?.double }
            #expect(scores.count == 12)
            let (before, after) = (scores.prefix(3).reduce(0, +) / 3, scores.suffix(3).reduce(0, +) / 3)
            #expect(after > before + 0.1, "\(scores)")
        }

        @Test("what a ppo run can't do is refused before it begins, with status 2")
        func refusals() throws {
            let toy = try Toy()
            let all = try settings(toy)
            func message(_ change: (inout JSONObject) -> Void) throws -> String {
                var changed = all
                change(&changed)
                return try toy.refusal(of: changed)
            }
            #expect(try message { $0["rewards"] = .null }.contains("loss_type ppo needs a reward at least"))
            #expect(
                try message { $0["eval_file"] = all["train_file"] }.contains("loss_type ppo doesn't read it"))
            #expect(
                try message { $0["reward_weights"] = ["kind": 1] }.contains("names of rewards, and kind is none of them"))
            #expect(try message { $0["max_length"] = 8 }.contains("nothing is left to train"))
            #expect(
                try message { $0["rewards"] = ["kind": .string("model:\(toy.folder.file("nowhere"))")] }.contains("nowhere"))
            #expect(try message { $0["gamma"] = 1.5 }.contains("a number from 0 to 1"))
        }
    }
}
