import Foundation
import Scratch
import Storage
import Testing

extension EndToEnd {
    @Suite("What a run leaves for its readers") struct ReportTests {
        private func settings(_ toy: Toy, _ more: JSONObject = [:]) throws -> JSONObject {
            var settings: JSONObject = [
                "eval_file": .string(try toy.pairs(24, seed: 5, as: "held.jsonl")), "eval_steps": 2, "beta": 0.2,
            ]
            for (name, value) in more.members { settings[name] = value }
            return settings
        }

        @Test("train leaves a report, held-out judgements, data facts, a model card and a whole manifest")
        func records() throws {
            let toy = try Toy()
            let ending = try toy.train(try settings(toy), ranks: 2)
            #expect(ending.says("report: \(toy.output("report.html"))"))
            let html = try text(toy.output("report.html"))
            for part in ["Held-out loss", "Held-out margins", "Most wrong", "Waiting of ranks", "Gradient norm"] {
                #expect(html.contains(part), "\(part)")
            }
            let (before, after) = (try rows(toy.output("held-out-before.jsonl")), try rows(toy.output("held-out-after.jsonl")))
            #expect(before.count == 24 && after.count == 24)
            #expect(before.allSatisfy { $0["tie"] == true && $0["step"] == 0 } && after.allSatisfy { $0["step"] == 4 })
            let logged = try rows(toy.output("metrics.jsonl")).last { $0["eval_loss"] != nil }
            let mean = after.reduce(0) { $0 + ($1["loss"]?.double ?? 0) } / 24
            #expect(abs(mean - (logged?["eval_loss"]?.double ?? 0)) < 1e-12)
            let sum = numbers(after[0]["token_logps"]?.array?[0]).reduce(0, +)
            #expect(abs(sum - (after[0]["policy_chosen_logps"]?.double ?? 0)) < 0.01)

            let manifest = try JSON.parse(FileSystem.read(toy.output("manifest.json")))
            let attempt = try #require(manifest["attempts"]?.array?.first)
            #expect(attempt["cpu_levels"]?.array?.isEmpty == false && attempt["ranks"] == 2)
            #expect(numbers(attempt["rank_wait_seconds"]).count == 2)
            let phases = (attempt["phases"]?.object?.members ?? []).compactMap { $0.value.double }
            #expect(abs(phases.reduce(0, +) - (attempt["seconds"]?.double ?? 0)) < 0.05)
            #expect(try JSON.parse(FileSystem.read(toy.output("data.json")))["eval"]?["pairs"] == 24)
            let card = try text(toy.output("final/README.md"))
            #expect(card.hasPrefix("---\nlibrary_name: transformers\n") && card.contains("| rewards/accuracies |"))
            #expect(try rows(toy.output("metrics.jsonl")).allSatisfy { $0["step"] != nil })
        }

        @Test("held-out rows of several files say which they are of, and the report tells them apart") func sources() throws {
            let toy = try Toy()
            let files = ["first.jsonl", "second.jsonl"]
            let paths = try files.enumerated().map { try toy.pairs(8 + 4 * $0, seed: 5 + UInt64($0), as: $1) }
            try toy.train(try settings(toy, ["eval_file": .array(paths.map { .string($0) })]), ranks: 2)
            let rows = try rows(toy.output("held-out-after.jsonl"))
            #expect(
                rows.map { $0["source"] } == Array(repeating: "first.jsonl", count: 8)
                    + Array(repeating: "second.jsonl", count: 12))
            #expect(try text(toy.output("report.html")).contains("Accuracy by source"))
        }

        @Test("report: false leaves the page out; report makes it") func keyAndCommand() throws {
            let toy = try Toy()
            try toy.train(try settings(toy, ["report": false]))
            #expect(!FileSystem.exists(toy.output("report.html")))
            let made = try Program.run(["report", toy.output, "--json"], ranks: 2)
            #expect(made.status == 0, "\(made.errors)")
            let json = try JSON.parse(Array(made.output.utf8))
            #expect(json["runs"]?.array?.first?["last_step"] == 4)
            #expect(FileSystem.exists(toy.output("report.html")))
            #expect(made.says("page: \(toy.output("report.html")): ") && made.says("KiB, made in "))
            let wrong = try Program.run(["report", toy.folder.path])
            #expect(wrong.status == 2 && wrong.messages.count == 1)
        }

        @Test("a resumed run ends with the sentence of one that was never stopped; no event is there twice")
        func resumed() throws {
            let toy = try Toy()
            var keys = try settings(toy, ["report_to": "tensorboard", "save_steps": 2])
            let whole = try toy.train(keys)
            let sentence = try #require(lines(of: whole.errors).first { $0.contains("after the last step") })
            for name in ["final", "checkpoint-4"] { try FileSystem.removeTree(toy.output(name)) }
            keys["save_total_limit"] = 5
            let resumed = try toy.train(keys)
            #expect(resumed.says("going on after step 2") && resumed.says(sentence))
            #expect(try FileSystem.list(toy.output("tensorboard")).count == 1)
        }

        @Test("evaluate compares several models judgement by judgement") func several() throws {
            let toy = try Toy()
            let keys = try settings(toy)
            try toy.train(keys)
            let rowsFile = toy.folder.file("rows.jsonl")
            let arguments = [
                "evaluate", try toy.runFile(keys), "--model", Goldens.model("gqa-untied"), toy.output, "--per-row", rowsFile,
            ]
            let ending = try Program.run(arguments + ["--json"], ranks: 2)
            #expect(ending.status == 0, "\(ending.errors)")
            let objects = try lines(of: ending.output).map { try JSON.parse(Array($0.utf8)) }
            #expect(objects.count == 3)
            let losses = objects.prefix(2).compactMap { $0["eval_loss"]?.double }
            let compared = try #require(objects[2]["models"]?.array?.last)
            #expect(abs((compared["loss_difference"]?.double ?? 0) - (losses[1] - losses[0])) < 1e-9)
            #expect(numbers(compared["loss_difference_interval"]).count == 2)
            #expect(try rows(rowsFile).count == 48)
            let table = try Program.run(arguments)
            #expect(table.says("difference from") && lines(of: table.output).count == 2)
        }
    }
}
