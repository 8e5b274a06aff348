import Storage
import Testing

extension EndToEnd {
    /// `study frontier` on the embedded example, as small as it gets.
    @Suite struct FrontierStudyTests {
        private func study(_ folder: String, _ output: String) -> String {
            """
            model_name_or_path: \(folder)/model
            train_file: \(folder)/train.jsonl.gz
            eval_file: \(folder)/test.jsonl.gz
            truth: "length:-0.05"
            output_dir: \(output)
            prompts: 12
            completions: 3
            eval_prompts: 24
            response_length: 16
            max_steps: 2
            ppo_steps: 2
            points: 2
            dpo: [0.1]
            ppo: [1]
            ppo_gt: []
            unlikelihood: []
            preferred_ft: [1]
            best_of_n: [1, 4]
            temperatures: [0, 1]
            settings: {global_batch_size: 8, learning_rate: 1e-3}
            """
        }

        @Test("every method has its points, the reference is at a KL of 0, and 1 and 2 ranks find the same")
        func points() throws {
            let toy = try Toy()
            let example = toy.folder.file("example")
            #expect(try Program.run(["example", example]).status == 0)
            var found: [[JSON]] = []
            for ranks in [nil, 2] {
                let output = toy.folder.file("study\(ranks ?? 1)")
                let file = try toy.folder.write(study(example, output), as: "study\(ranks ?? 1).yaml")
                let ending = try Program.run(["study", "frontier", file], ranks: ranks, limit: 120)
                #expect(ending.status == 0, "\(ending.errors)")
                #expect(ending.says("What this can't say"))
                var points = try rows(FileSystem.join(output, "points.jsonl"))
                for (place, point) in points.enumerated() {
                    var object = point.object ?? [:]
                    object["model"] = nil
                    points[place] = .object(object)
                }
                found.append(points)
                for name in ["frontier.svg", "temperatures.svg", "findings.md"] {
                    #expect(try FileSystem.read(FileSystem.join(output, name)).count > 100)
                }
                #expect(try rows(FileSystem.join(output, "temperatures.jsonl")).count == 2 * 4)
            }
            #expect(found[0] == found[1])
            #expect(
                found[0].compactMap { $0["method"]?.string }
                    == ["reference", "dpo", "dpo", "preferred-ft", "preferred-ft", "ppo", "ppo", "best-of-n", "best-of-n"])
            #expect(found[0][0]["kl"]?.double == 0 && found[0][7]["kl_bound"]?.double == 0)
            // The first step of a warm-up changes nothing.
            let ends = found[0].filter { $0["step"]?.integer == 2 }
            #expect(ends.count == 3 && ends.allSatisfy { ($0["kl"]?.double ?? 0) > 0 })
            #expect(found[0].allSatisfy { ($0["kl_difference_in_se"]?.double ?? 0) < 5 })
        }

        @Test("a study's file that is wrong ends with status 2 and its lines")
        func refusal() throws {
            let toy = try Toy()
            let file = try toy.folder.write("dpo: [0]\n", as: "study.yaml")
            let ending = try Program.run(["study", "frontier", file], ranks: 2)
            #expect(ending.status == 2)
            #expect(ending.says("dpo is a list; expected numbers in the method's range"))
            #expect(ending.says("truth is missing"))
        }
    }
}
