import Storage
import Testing

extension EndToEnd {
    /// MODPO's margin rewards beside β log π/π_ref.
    @Suite struct MarginScaleTests {
        private func settings(_ toy: Toy, margin: JSONObject) throws -> JSONObject {
            var settings: JSONObject = [
                "loss_type": "modpo", "weights": ["preference": 0.5, "helpful": 0.7], "learning_rate": 0.01,
                "eval_file": .string(try toy.pairs(12, seed: 9, as: "held.jsonl")), "eval_steps": 2,
            ]
            var entry: JSONObject = ["column": "helpful"]
            for (name, value) in margin.members { entry[name] = value }
            settings["margins"] = ["helpful": .object(entry)]
            return settings
        }

        @Test("normalise divides by the training rows' spread, is saved as a scale, and is used again by evaluate")
        func normalise() throws {
            let toy = try Toy()
            let settings = try settings(toy, margin: ["normalise": "std"])
            let ending = try toy.train(settings, ranks: 2)
            #expect(ending.says("margin reward helpful: chosen minus rejected mean"))
            #expect(ending.says("= sd 1.000"))
            #expect(ending.says("note: weights add up to 1.2"))
            #expect(!ending.says("will hardly matter"))

            let resolved = try text(toy.output("run.yaml"))
            let scale = try #require(resolved.split(separator: "scale: ").last?.prefix { $0 != "}" })
            let other = try Toy()
            try other.train(try self.settings(other, margin: ["scale": .number(Double(scale) ?? 0)]))
            #expect(try other.outcome() == toy.outcome(), "the same run with the factor given")

            let last = try #require(try rows(toy.output("metrics.jsonl")).last { $0["eval_loss"] != nil })
            for name in ["preference", "helpful"] {
                #expect(last["eval_objectives/\(name)/accuracy"] != nil && last["eval_objectives/\(name)/mean"] != nil)
            }
            let found = try Program.run(["evaluate", try toy.runFile(settings), "--model", toy.output("final")])
            #expect(found.status == 0, "\(found.errors)")
            let json = try JSON.parse(Array(found.output.utf8))
            for name in ["eval_loss", "eval_objectives/helpful/accuracy", "eval_objectives/helpful/mean"] {
                #expect(abs((json[name]?.double ?? .nan) - (last[name]?.double ?? 0)) < 1e-6, "\(name)")
            }
        }

        @Test("a margin far beyond the log-ratios is warned about, and a factor that no training left is asked for")
        func warnings() throws {
            let toy = try Toy()
            let ending = try toy.train(try self.settings(toy, margin: ["scale": 50]))
            #expect(ending.says("so its weight 0.7 will hardly matter; set margins.helpful.normalise: std"))
            let known = "beside β × the log-ratios' spread"
            func mentions(_ ending: Ending) -> Int { ending.errors.split(separator: known).count - 1 }
            #expect(mentions(ending) == 1, "at the end: before, the policy is the reference")
            let apart = try Toy()
            var settings = try settings(apart, margin: [:])
            settings["ref_model_name_or_path"] = .string(Goldens.model("mha-sharded"))
            #expect(mentions(try apart.train(settings)) == 2)
            let other = try Toy()
            let file = try other.runFile(try self.settings(other, margin: ["normalise": "range"]))
            let refused = try Program.run(["evaluate", file, "--model", Goldens.model("gqa-untied")])
            #expect(refused.status == 2)
            #expect(refused.says("margins.helpful.normalise takes its factor from the training rows"))
        }
    }
}
