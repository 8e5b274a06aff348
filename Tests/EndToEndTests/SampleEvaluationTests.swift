import Scratch
import Storage
import Testing

extension EndToEnd {
    /// Runs that answer `sample_prompts` at their evaluations.
    @Suite struct SampleEvaluationTests {
        private func settings(_ toy: Toy) throws -> JSONObject {
            let pairs = (0..<12).map { number in
                JSON.object([
                    "prompt": .string("the sky \(number):"), "chosen": .string(" is so hot \(number)"),
                    "rejected": .string(" and cold \(number % 5)"),
                ]).text + "\n"
            }.joined()
            let prompts = (0..<7).map { "{\"prompt\": \"\($0) red and green:\"}\n" }.joined()
            return [
                "model_name_or_path": .string(try toy.textModel()),
                "train_file": .string(try toy.folder.write(pairs, as: "text.jsonl")),
                "sample_prompts": .string(try toy.folder.write(prompts, as: "prompts.jsonl")), "sample_count": 2,
                "sample_length": 6, "rewards": ["brief": "length:-1", "long": "length:2"], "max_length": 96,
                "eval_steps": 2, "save_steps": 2, "max_steps": 4, "micro_batch_tokens": nil,
            ]
        }

        private func evaluations(_ toy: Toy) throws -> [JSON] {
            try rows(toy.output("metrics.jsonl")).filter { $0["eval_samples"] != nil }
        }

        @Test("texts and mean rewards are logged before, between and after the steps, the same on 1, 2 and 3 ranks")
        func logged() throws {
            var whole: String?
            for ranks in [nil, 2, 3] {
                let toy = try Toy()
                let ending = try toy.train(try settings(toy), ranks: ranks)
                let samples = try text(toy.output("samples.jsonl"))
                #expect(whole ?? samples == samples, "\(ranks ?? 1) ranks")
                whole = samples
                let texts = try rows(toy.output("samples.jsonl"))
                #expect(texts.count == 3 * 7 * 2)
                #expect(Set(texts.compactMap { $0["step"]?.integer }) == [0, 2, 4])
                let found = try evaluations(toy)
                #expect(found.compactMap { $0["step"]?.integer } == [0, 2, 4])
                for row in found {
                    let own = texts.filter { $0["step"] == row["step"] }
                    let rewards = own.compactMap { $0["rewards"]?["long"]?.double }
                    let lengths = own.compactMap { $0["response"]?.string?.unicodeScalars.count }
                    #expect(rewards == lengths.map { 2 * Double($0) })
                    let mean = row["eval_sample_rewards/long"]?.double ?? .nan
                    #expect(abs(mean - rewards.reduce(0, +) / 14) < 1e-12)
                    #expect((row["eval_sample_rewards/long/low"]?.double ?? .nan) < mean)
                    #expect((row["eval_sample_rewards/long/high"]?.double ?? .nan) > mean)
                }
                #expect(ending.says("before step 1: 14 samples of"))
                #expect(ending.says("reward brief of samples: "))
            }
        }

        @Test("a run that goes on from a checkpoint has the same samples as one that wasn't interrupted")
        func resumed() throws {
            let toy = try Toy()
            let settings = try settings(toy)
            try toy.train(settings)
            let whole = try text(toy.output("samples.jsonl"))
            for file in ["final", "checkpoint-4"] { try FileSystem.removeTree(toy.output(file)) }
            try toy.train(settings, ranks: 2)
            #expect(try text(toy.output("samples.jsonl")) == whole)
            // The end once more, and an evaluation of which a part was written.
            try FileSystem.removeTree(toy.output("final"))
            let cut = whole.split(separator: "\n").dropLast(3).joined(separator: "\n") + "\n"
            try AtomicFile.write(cut, to: toy.output("samples.jsonl"))
            try toy.train(settings)
            #expect(try text(toy.output("samples.jsonl")) == whole)
        }

        @Test("what makes no sense of samples is refused")
        func refused() throws {
            let toy = try Toy()
            func refusal(_ more: JSONObject) throws -> String {
                var all = try settings(toy)
                for (key, value) in more.members { all[key] = value }
                let ending = try Program.run(["train", try toy.runFile(all)])
                #expect(ending.status == 2)
                return ending.errors
            }
            #expect(try refusal(["loss_type": "reward"]).contains("a reward model answers nothing"))
            #expect(try refusal(["rewards": ["brief": "length:0"]]).contains("is no factor"))
            #expect(try refusal(["sample_prompts": nil]).contains("there are no sample_prompts"))
            let ids = try toy.folder.write("{\"prompt_ids\": [1, 2]}\n", as: "ids.jsonl")
            #expect(try refusal(["sample_prompts": .string(ids)]).contains("expected at least one prompt of text"))
        }
    }
}
