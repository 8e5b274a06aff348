import Foundation
import Storage
import Testing

extension EndToEnd {
    /// MODPO with weights drawn for each pair: adapters for the whole front.
    @Suite struct SampledWeightsTests {
        private static let base: JSONObject = [
            "loss_type": "modpo", "weights": "sampled", "preference_name": "helpful", "use_peft": true, "lora_r": 2,
            "lora_alpha": 4, "lora_target_modules": "all-linear", "max_steps": 5,
            "margins": ["helpful": ["column": "helpful"], "kind": ["column": "kind"], "short": ["length": -0.05]],
        ]

        /// Pairs of two objectives' preferences, and held-out ones.
        private func settings(_ toy: Toy, _ others: JSONObject = [:]) throws -> JSONObject {
            var settings = Self.base
            settings["train_file"] = [
                ["path": .string(try toy.pairs(20, seed: 1, as: "a.jsonl"))],
                ["path": .string(try toy.pairs(14, seed: 2, as: "b.jsonl")), "preference": "kind"],
            ]
            settings["eval_file"] = .string(try toy.pairs(6, seed: 3, as: "c.jsonl"))
            for (name, value) in others.members { settings[name] = value }
            return settings
        }

        /// Numbers of each step, then the adapter and what it makes of held-out pairs.
        private func outcome(_ toy: Toy) throws -> [String] {
            let steps = try toy.steps().map { row in
                ["loss", "grad_norm", "rewards/combined_margins"].map { row[$0]?.text ?? "" }.joined(separator: " ")
            }
            let adapter = try FileSystem.read(toy.output("final/adapter_model.safetensors"))
            return steps + ["\(adapter)", try text(toy.output("held-out-after.jsonl"))]
        }

        @Test("the same bits on 1, 2 and 3 ranks, and gone on with after a stop")
        func ranks() throws {
            let alone = try Toy()
            try alone.train(try settings(alone))
            let expected = try outcome(alone)
            #expect(expected.count == 7 && expected[0] != expected[4])
            for ranks in [2, 3] {
                let toy = try Toy()
                try toy.train(try settings(toy), ranks: ranks)
                #expect(try outcome(toy) == expected, "\(ranks) ranks")
            }
            let toy = try Toy()
            let saving = try settings(toy, ["save_steps": 2])
            try toy.train(saving, ranks: 2)
            for name in ["checkpoint-4", "checkpoint-5", "final"] { try FileSystem.removeTree(toy.output(name)) }
            #expect(try toy.train(saving).says("going on after step 2"))
            #expect(try outcome(toy) == expected)
        }

        @Test("weights are on the simplex, differ from pair to pair, and the first loss is MODPO's under them")
        func draws() throws {
            let toy = try Toy()
            try toy.train(
                try settings(toy, ["debug_dump": .string(toy.folder.file("dump")), "global_batch_size": 34, "max_steps": 2]))
            let files = try ["a.jsonl", "b.jsonl"].map { try rows(toy.folder.file($0)) }
            let first = try rows(toy.folder.file("dump/pairs-1.jsonl"))
            #expect(first.count == 34)
            var seen: Set<String> = []
            for pair in first {
                let names = ["helpful", "kind", "short"]
                let weights = names.map { pair["weights"]?[$0]?.double ?? .nan }
                #expect(abs(weights.reduce(0, +) - 1) < 1e-12 && weights.allSatisfy { $0 > 0 })
                // Rows are numbered on over the files.
                let index = try #require(pair["index"]?.integer)
                let (own, row) = index < 20 ? (0, files[0][index]) : (1, files[1][index - 20])
                #expect(weights[own] >= 0.1)
                seen.insert(pair["weights"]?.text ?? "")
                func margin(_ side: String) -> Double {
                    let scores = row["scores_\(side)"]
                    func score(_ name: String) -> Double { Double(Float(scores?[name]?.double ?? .nan)) }
                    let other = own == 0 ? weights[1] * score("kind") : weights[0] * score("helpful")
                    return other - 0.05 * weights[2] * Double(row["\(side)_ids"]?.array?.count ?? 0)
                }
                let expected = log1p(exp((margin("chosen") - margin("rejected")) / weights[own]))
                #expect(abs((pair["loss"]?.double ?? .nan) - expected) < 1e-4)
            }
            #expect(seen.count == 34)
            let second = try rows(toy.folder.file("dump/pairs-2.jsonl"))
            let anew = Set(second.compactMap { $0["weights"]?.text })
            #expect(anew.count == 34 && anew.isDisjoint(with: seen), "drawn anew in each epoch")
        }

        @Test("merge makes of it, at any weights, a plain adapter and a model with the run's own logps")
        func merged() throws {
            let toy = try Toy()
            try toy.train(try settings(toy, ["learning_rate": 0.05]))
            let held = try rows(toy.output("held-out-after.jsonl"))
            #expect(held.count == 6)
            for (place, pair) in held.prefix(3).enumerated() {
                let weights = ["helpful", "kind", "short"].map { "\($0):\(pair["weights"]?[$0]?.double ?? .nan)" }
                for isAdapter in [true, false] {
                    let plain = toy.folder.file("plain-\(place)-\(isAdapter)")
                    let ending = try Program.run(
                        [
                            "merge", "--model", Goldens.model("gqa-untied"), "--adapter", toy.output("final"), "--output", plain,
                            "--weights",
                        ] + weights + ["--dtype", "float32"] + (isAdapter ? ["--as-adapter"] : []))
                    #expect(ending.status == 0, "\(ending.errors)")
                    let scores = toy.folder.file("scores-\(place)-\(isAdapter).jsonl")
                    let scored = try Program.run(
                        ["score", "--data", toy.folder.file("c.jsonl"), "--output", scores, "--model"]
                            + (isAdapter ? [Goldens.model("gqa-untied"), "--adapter", plain] : [plain]))
                    #expect(scored.status == 0, "\(scored.errors)")
                    let score = try rows(scores)[place]
                    for name in ["policy_chosen_logps", "policy_rejected_logps"] {
                        #expect(abs((score[name]?.double ?? .nan) - (pair[name]?.double ?? .nan)) < 2e-4, "\(name)")
                    }
                }
            }
            // A weight of 0 takes its part away.
            let ending = try Program.run([
                "merge", "--model", Goldens.model("gqa-untied"), "--adapter", toy.output("final"), "--output",
                toy.folder.file("end"), "--as-adapter", "--weights", "helpful:1", "kind:0", "short:0",
            ])
            #expect(ending.status == 0, "\(ending.errors)")
            let config = try JSON.parse(FileSystem.read(toy.folder.file("end/adapter_config.json")))
            #expect(config["r"]?.integer == 4 && config["lora_alpha"]?.integer == 8 && config["peft_type"]?.string == "LORA")
        }

        @Test("what can't be done with it is refused with status 2, and says what can")
        func refusals() throws {
            let toy = try Toy()
            let all = try settings(toy)
            func message(_ change: (inout JSONObject) -> Void) throws -> String {
                var changed = all
                change(&changed)
                return try toy.refusal(of: changed)
            }
            #expect(try message { $0["use_peft"] = .null }.contains("use_peft: true beside it and a new adapter"))
            #expect(try message { $0["use_dora"] = true }.contains("use_dora: false beside it"))
            #expect(try message { $0["margins"] = .null }.contains("margins beside it"))
            #expect(try message { $0["sample_prompts"] = "p.jsonl" }.contains("no sample_prompts beside it"))
            #expect(
                try message { $0["train_file"] = [["path": "a.jsonl", "preference": "plain"]] }.contains("plain is none of them"))
            #expect(
                try message {
                    $0["weights"] = .null
                    $0["margins"] = .null
                    $0["preference_name"] = .null
                    $0["loss_type"] = "sigmoid"
                }.contains("files without preference"))

            try toy.train(all)
            let model = Goldens.model("gqa-untied")
            func refused(_ arguments: [String], _ expected: String) throws {
                let ending = try Program.run(arguments)
                #expect(ending.status == 2 && ending.says(expected), "\(ending.errors)")
            }
            try refused(
                ["score", "--model", model, "--adapter", toy.output("final"), "--data", toy.folder.file("c.jsonl"), "--output", "-"],
                "--weights helpful:0.33 kind:0.33 short:0.33 --as-adapter")
            try refused(
                ["merge", "--model", model, "--adapter", toy.output("final"), "--output", toy.folder.file("x")],
                "is an adapter for any weights")
            try refused(
                [
                    "merge", "--model", model, "--adapter", toy.output("final"), "--output", toy.folder.file("x"),
                    "--weights", "helpful:1", "kind:0",
                ], "needs one weight for short")
            try refused(["evaluate", try toy.runFile(all), "--model", toy.output("final")], "--set 'weights={helpful: 0.33")
        }
    }
}
