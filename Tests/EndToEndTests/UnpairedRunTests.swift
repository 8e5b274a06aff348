import Storage
import Testing

extension EndToEnd {
    /// Losses that ask for a statistic of the batch before its gradients.
    @Suite struct UnpairedRunTests {
        /// With a rate at which z and δ are far from 0 after a step.
        private static let kto: JSONObject = ["loss_type": "kto", "learning_rate": 0.02, "beta": 0.5, "max_steps": 3]
        private static let bco: JSONObject = ["loss_type": "bco_pair", "learning_rate": 0.02, "beta": 0.5]

        /// Single labelled responses of token ids.
        private func labelled(_ toy: Toy) throws -> String {
            let rows = (0..<14).map { k in
                let ids = (0..<(2 + k % 5)).map { String(3 + (k * 7 + $0 * 11) % 80) }.joined(separator: ",")
                return "{\"prompt_ids\":[\(5 + k),9],\"completion_ids\":[\(ids),0],\"label\":\(k % 3 != 0)}\n"
            }
            return try toy.folder.write(rows.joined(), as: "labelled.jsonl")
        }

        @Test("kto takes the same steps on 1, 2, 3 and 5 ranks, its z included", arguments: [false, true])
        func ranks(isLabelled: Bool) throws {
            var outcomes: [Outcome] = []
            for ranks in [nil, 2, 3, 5] {
                let toy = try Toy()
                var settings = Self.kto
                if isLabelled { settings["train_file"] = .string(try labelled(toy)) }
                try toy.train(settings, ranks: ranks)
                outcomes.append(try toy.outcome())
            }
            for other in outcomes.dropFirst() { #expect(other == outcomes[0]) }
            let divergences = outcomes[0].steps.compactMap { $0["kl"]?.double }
            #expect(divergences.count == 3 && divergences[0] == 0 && divergences.contains { $0 > 0.01 })
        }

        @Test("bco's shift is saved with a checkpoint: a resumed run is the run that wasn't interrupted")
        func shift() throws {
            let whole = try Toy.outcome(Self.bco)
            let toy = try Toy()
            var settings = Self.bco
            settings["save_steps"] = 2
            try toy.train(settings)
            for name in ["checkpoint-4", "final"] { try FileSystem.removeTree(toy.output(name)) }
            try toy.train(settings, ranks: 2)
            #expect(try toy.outcome() == whole)
            let shifts = whole.steps.compactMap { $0["rewards/shift"]?.double }
            #expect(shifts.count == 4 && shifts[0] == 0 && abs(shifts[3]) > 0.001)
        }

        @Test("an evaluation of labelled responses is the one that the training made of its last step")
        func evaluation() throws {
            let toy = try Toy()
            var settings = Self.kto
            let data = try labelled(toy)
            settings["train_file"] = .string(data)
            settings["eval_file"] = .string(data)
            let ending = try toy.train(settings, ranks: 2)
            #expect(ending.says("before step 1: held-out loss 0.5000"))
            #expect(ending.says("held-out loss") && ending.says("95 %"))
            let last = try #require(try rows(toy.output("metrics.jsonl")).last { $0["eval_loss"] != nil })
            let found = try Program.run(["evaluate", try toy.runFile(settings), "--model", toy.output("final")])
            #expect(found.status == 0, "\(found.errors)")
            let json = try JSON.parse(Array(found.output.utf8))
            for name in ["eval_loss", "eval_kl", "eval_rewards/margins", "eval_rewards/accuracies"] {
                let (a, b) = (json[name]?.double ?? .nan, last[name]?.double ?? .nan)
                #expect(abs(a - b) < 1e-6, "\(name): \(a), \(b)")
            }
        }
    }
}
