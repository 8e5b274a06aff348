import Reporting
import Scratch
import Storage
import Testing

@Suite("Reports") struct RunReportTests {
    /// A run's folder as `train` leaves it, with so many logged steps.
    private func run(
        _ folder: TemporaryDirectory, _ name: String, steps: Int = 60, gain: Double = 0.3, beta: String = "0.1",
        outcome: String = "done"
    ) throws -> String {
        var random = SeededGenerator(state: 4)
        var rows: [JSON] = []
        for step in 0...steps {
            if step % max(1, steps / 4) == 0 {
                let loss = 0.69 - gain * Double(step) / Double(steps)
                rows.append([
                    "step": .integer(step), "eval_loss": .number(loss), "eval_rewards/accuracies": 0.75,
                    "eval_rewards/margins": .number(Double(step) / 10), "eval_pairs": 40,
                ])
            }
            guard step > 0 else { continue }
            let noise = Double.random(in: -0.1...0.1, using: &random)
            rows.append([
                "step": .integer(step), "epoch": .number(Double(step) / 20), "loss": .number(0.6 + noise),
                "grad_norm": .number(1 + noise), "learning_rate": 1e-6, "rewards/margins": .number(noise),
                "rewards/chosen": .number(noise), "rewards/rejected": .number(-noise), "pairs": 8, "seconds": 0.5,
            ])
        }
        func held(_ loss: Double) -> String {
            (0..<40).map { index in
                JSON.object([
                    "index": .integer(index), "loss": .number(loss + Double(index % 5) / 100),
                    "margin": .number(loss < 0.6 ? Double(index % 4) - 0.5 : 0), "accuracy": index % 4 == 0 ? 0 : 1,
                    "chosen_length": .integer(5 + index), "rejected_length": 12,
                ]).text + "\n"
            }.joined()
        }
        _ = try folder.write(rows.map { $0.text + "\n" }.joined() + "{\"step\": 9", as: "\(name)/metrics.jsonl")
        _ = try folder.write(held(0.69), as: "\(name)/held-out-before.jsonl")
        _ = try folder.write(held(0.69 - gain), as: "\(name)/held-out-after.jsonl")
        _ = try folder.write("loss_type: sigmoid\nbeta: \(beta)\nmax_grad_norm: 1\noutput_dir: x\n", as: "\(name)/run.yaml")
        let attempt: JSON = [
            "start": "2026-11-29T10:00:00Z", "outcome": .string(outcome), "ranks": 2, "threads_per_rank": 1,
            "hosts": ["node1"], "cpu_levels": ["x86-64-v3"], "command": ["swift-prefopt", "train", "<run>.yaml"],
            "first_step": 1, "last_step": .integer(steps), "phases": ["load": 1.5, "compute": 20, "wait": 0.5],
            "rank_wait_seconds": [0.5, 1.5], "warnings": ["warning: the gradient was clipped at every step"],
        ]
        let manifest: JSON = ["steps": .integer(steps), "seconds": 22, "pairs_per_second": 12.5, "attempts": [attempt]]
        _ = try folder.write(manifest.text, as: "\(name)/manifest.json")
        let tokens: JSON = [[" kind", -0.5, -1.5], ["<b>", -3, -1]]
        let extreme: JSON = [
            "index": 3, "line": 4, "margin": -1.25, "prompt": "Are you <kind>?",
            "responses": [["name": "chosen", "length": 2, "tokens": tokens]],
        ]
        let extremes: JSON = ["wrong": [extreme], "right": []]
        _ = try folder.write(extremes.text, as: "\(name)/held-out-extremes.json")
        return folder.file(name)
    }

    @Test("a page says the verdict, the warnings, the curves, the pairs and the attempts, and loads nothing")
    func page() throws {
        let folder = try TemporaryDirectory()
        let html = try RunReport([try run(folder, "dpo")]).html
        for text in [
            "Held-out loss fell from", "75.0 % of them are ranked rightly", "The gradient was clipped at every step.",
            "Reward accuracy", "Gradient norm", "max_grad_norm (1)", "Held-out margins", "Accuracy by length",
            "Are you &lt;kind&gt;?", "&lt;b&gt;", "title=\"-1.500 → -0.500\"", "node1", "x86-64-v3",
            "swift-prefopt train &lt;run&gt;.yaml", "Waiting of ranks", "prefers-color-scheme:dark",
        ] {
            #expect(html.contains(text), "\(text)")
        }
        #expect(!html.contains("<run>"))
        for loaded in ["src=\"http", "href=\"http", "url(http", "@import"] { #expect(!html.contains(loaded)) }
    }

    @Test("held-out judgements of several sources have a table and a figure by source") func sources() throws {
        let folder = try TemporaryDirectory()
        let path = try run(folder, "mixed")
        #expect(try RunReport([path]).json["runs"]?.array?.first?["held_out_by_source"] == nil)
        let rows = (0..<40).map { index -> String in
            var row: JSONObject = [
                "index": .integer(index), "loss": .number(index < 30 ? 0.5 : 0.9), "margin": .number(index < 30 ? 1 : -1),
                "accuracy": index < 30 && index % 3 != 0 ? 1 : 0,
            ]
            row["source"] = index < 30 ? "web <pages>" : index < 38 ? "books.jsonl" : nil
            return JSON.object(row).text + "\n"
        }
        _ = try folder.write(rows.joined(), as: "mixed/held-out-after.jsonl")
        let report = try RunReport([path])
        let found = try #require(report.json["runs"]?.array?.first?["held_out_by_source"]?.array)
        #expect(found.map { $0["source"] } == ["web <pages>", "books.jsonl", "others"])
        #expect(found.map { $0["judgements"] } == [30, 8, 2])
        #expect(abs((found[0]["accuracy"]?.double ?? 0) - 2 / 3.0) < 1e-12 && found[1]["margin"]?.double == -1)
        #expect(abs((found[1]["loss"]?.double ?? 0) - 0.9) < 1e-12 && found[2]["accuracy"]?.double == 0)
        let html = report.html
        #expect(html.contains("Accuracy by source") && html.contains("web &lt;pages&gt;") && !html.contains("<pages>"))
        #expect(report.lines.contains { $0.contains("books.jsonl") && $0.contains("8") && $0.contains("0.0 %") })
    }

    @Test("many steps make a page below 5 MB") func long() throws {
        let folder = try TemporaryDirectory()
        let html = try RunReport([try run(folder, "long", steps: 20_000)]).html
        #expect(html.utf8.count < 2_000_000)
    }

    @Test("several runs: keys that differ, differences judgement by judgement, curves over each other") func several() throws {
        let folder = try TemporaryDirectory()
        let report = try RunReport([try run(folder, "a"), try run(folder, "b", gain: 0.4)])
        let json = report.json
        let second = try #require(json["comparison"]?.array?.last)
        #expect(abs((second["loss_difference"]?.double ?? 0) + 0.1) < 1e-9)
        let ends = (second["loss_difference_interval"]?.array ?? []).compactMap(\.double)
        try #require(ends.count == 2)
        #expect(ends[0] <= -0.0999 && ends[1] >= -0.1001 && ends[1] < 0)
        let html = report.html
        #expect(!html.contains("Keys that differ") && html.contains("Held-out accuracy"))
        #expect(report.lines.contains { $0.contains("b has the least held-out loss") })
    }

    @Test("losses and margins of other constants have no difference, accuracies have") func kinds() throws {
        let folder = try TemporaryDirectory()
        let report = try RunReport([try run(folder, "a"), try run(folder, "b", gain: 0.4, beta: "0.2")])
        let json = report.json
        #expect(json["differing_keys"]?["beta"] == ["0.1", "0.2"])
        #expect(json["differing_keys"]?["output_dir"] == nil)
        let second = try #require(json["comparison"]?.array?.last)
        #expect(second["loss"] != nil && second["loss_difference"] == nil && second["margin_difference"] == nil)
        #expect(second["accuracy_difference"] != nil)
        #expect(report.html.contains("Keys that differ"))
        #expect(report.lines.contains { $0.contains("has the highest held-out accuracy") && $0.contains("not of one kind") })
    }

    @Test("a run without held-out data, and one that was killed, say so") func partial() throws {
        let folder = try TemporaryDirectory()
        let rows = (1...3).map { "{\"step\":\($0),\"loss\":0.5}\n" }.joined()
        _ = try folder.write(rows, as: "bare/metrics.jsonl")
        let report = try RunReport([folder.file("bare")])
        #expect(report.lines[0].contains("What it does to other data isn't known"))
        #expect(report.html.contains("Loss"))
        let killed = try RunReport([try run(folder, "killed", outcome: "running")])
        #expect(killed.lines.contains { $0.contains("going on, or was killed") })
    }

    @Test("a sweep's rows and figures; another's picture is only shown") func sweep() throws {
        let folder = try TemporaryDirectory()
        _ = try folder.write("{\"beta\":0.1,\"eval_loss\":0.5}\n{\"beta\":0.2,\"eval_loss\":0.4}\n", as: "sweep/sweep.jsonl")
        _ = try folder.write("<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>", as: "sweep/odd.svg")
        _ = try run(folder, "sweep/one")
        let report = try RunReport([folder.file("sweep")])
        let html = report.html
        #expect(html.contains("eval_loss") && html.contains("data:image/svg+xml;base64,") && !html.contains("alert(1)"))
        #expect(report.json["runs"]?.array?.count == 1)
    }

    @Test("a folder without a run is named, and what to do") func none() throws {
        let folder = try TemporaryDirectory()
        let run = try run(folder, "dpo")
        _ = try folder.write("{}", as: "dpo/final/config.json")
        #expect {
            try RunReport(["\(run)/final"])
        } throws: { "\($0)".contains("name its run's folder, \(run)") }
        #expect { try RunReport([folder.file("nowhere")]) } throws: { "\($0)".contains("name output_dir of a run") }
    }
}
