import Scratch
import Storage
import Testing

extension EndToEnd {
    /// The papers' experiments, made small.
    @Suite struct StudyTests {
        @Test("study simpo from files of score: correlations are scipy's, and SimPO's reward never differs from its likelihood")
        func scores() throws {
            let folder = try TemporaryDirectory()
            // Rows: P_w, P_l, reference P_w, P_l, n_w, n_l.
            let rows: [[Double]] = [
                [-10, -12, -11, -11, 5, 4], [-20, -9, -18, -10, 8, 3], [-7, -14, -7, -13, 3, 6], [-16, -15, -18, -14, 9, 5],
                [-11, -30, -12, -25, 4, 11],
            ]
            let lines = rows.enumerated().map { index, row in
                JSON.object([
                    "index": .integer(index), "policy_chosen_logps": .number(row[0]),
                    "policy_rejected_logps": .number(row[1]), "reference_chosen_logps": .number(row[2]),
                    "reference_rejected_logps": .number(row[3]), "chosen_length": .integer(Int(row[4])),
                    "rejected_length": .integer(Int(row[5])),
                ]).text + "\n"
            }
            let scores = try folder.write(lines.joined() + "{\"index\": 5, \"dropped\": \"too long\"}\n", as: "scores.jsonl")
            let study = try folder.write(
                """
                output_dir: \(folder.file("study"))
                scores:
                  dpo: {file: \(scores), loss_type: sigmoid, beta: 0.1}
                  simpo: {file: \(scores), loss_type: simpo, beta: 2}
                """, as: "study.yaml")
            let ending = try Program.run(["study", "simpo", study])
            #expect(ending.status == 0, "\(ending.errors)")
            let points = try self.points(folder.file("study"))
            let (dpo, simpo) = (points[0], points[1])
            // numpy.corrcoef of the mean ranks of [-2, -3, -2.5, -3, -7/3, -7/3, -16/9, -3, -2.75, -30/11] and
            // [5, 4, 8, 3, 3, 6, 9, 5, 4, 11]
            #expect(abs((simpo["spearman_likelihood_and_length"]?.double ?? 0) - 0.4192627457812106) < 1e-12)
            // r_w − r_l = 0.1 · (2, −3, 1, 3, 6) beside ā_w − ā_l = 1, 0.5, 0, 1.2, −0.02.
            #expect(numbers(dpo["table"]?.array?[0]) == [2, 2])
            #expect(numbers(dpo["table"]?.array?[1]) == [1, 0])
            #expect(numbers(simpo["table"]?.array?[0])[1] == 0 && numbers(simpo["table"]?.array?[1])[0] == 0)
            #expect(FileSystem.exists(folder.file("study/rewards.svg")))
            #expect(try text(folder.file("study/findings.md")).contains("2 (50.0 %) the other way"))

            // DPO's reward needs a reference.
            let bare = try folder.write(
                try text(scores).replacing("reference_", with: "other_"), as: "bare.jsonl")
            let other = try folder.write(try text(study).replacing(scores, with: bare), as: "other.yaml")
            let refused = try Program.run(["study", "simpo", other], ranks: 2)
            #expect(refused.status == 2 && refused.messages.count == 1 && refused.says("--reference"))
        }

        private func points(_ folder: String) throws -> [JSON] {
            try lines(of: text(FileSystem.join(folder, "points.jsonl"))).map { try JSON.parse(Array($0.utf8)) }
        }

        @Test(
            "study front of a few steps: every method has its points, the ends are one policy, two ranks find the same",
            .timeLimit(.minutes(3)))
        func front() throws {
            let folder = try TemporaryDirectory()
            var files: [String] = []
            for ranks in [nil, 2] as [Int?] {
                let place = folder.file("on-\(ranks ?? 1)")
                try FileSystem.makeDirectories(FileSystem.join(place, "data"))
                for (name, worse) in [("kind", "Go."), ("brief", "I am very happy to help you, dear.")] {
                    let better = name == "kind" ? "I am very happy to help you, dear." : "Go."
                    let row: JSON = [
                        "prompt": "Ada: Hello.\nHelper:", "chosen": .string(" " + better), "rejected": .string(" " + worse),
                    ]
                    let rows = (0..<8).map { _ in row.text + "\n" }.joined()
                    try AtomicFile.write(rows, to: FileSystem.join(place, "data/\(name).jsonl"))
                }
                #expect(try Program.run(["example", "example"], in: place).status == 0)
                try AtomicFile.write("happy 1\ndear 1\n", to: FileSystem.join(place, "words.txt"))
                try AtomicFile.write(
                    """
                    model_name_or_path: example/model
                    max_length: 64
                    global_batch_size: 4
                    learning_rate: 1e-3
                    reproducible: true
                    threads_per_rank: 1
                    reference_cache: cache

                    """, to: FileSystem.join(place, "base.yaml"))
                try AtomicFile.write(
                    """
                    base: base.yaml
                    output_dir: out
                    prompts: example/prompts.jsonl
                    max_steps: 3
                    lattice: 2
                    samples: 1
                    best_of: 2
                    response_length: 8
                    ppo_steps: 2
                    ppo_settings: {num_ppo_epochs: 2, kl_target: 1}
                    sampled_steps: 4
                    sampled_settings: {lora_r: 2, learning_rate: 1e-2}
                    objectives:
                      kind: {train_file: data/kind.jsonl, reward: "lexicon:words.txt"}
                      brief: {train_file: data/brief.jsonl, reward: "length:-1"}
                    """, to: FileSystem.join(place, "front.yaml"))
                let ending = try Program.run(["study", "front", "front.yaml"], ranks: ranks, in: place)
                #expect(ending.status == 0, "\(ending.errors)")
                let points = try self.points(FileSystem.join(place, "out"))
                for method in ["modpo", "modpo_sampled", "soups", "loss_weighting", "morlhf", "best_of_n"] {
                    #expect(points.count { $0["method"]?.string == method && $0["rewards"] != nil } == 3)
                    #expect(points.count { $0["method"]?.string == method && $0["hypervolume"] != nil } == 1)
                }
                // w = e_k is the end itself, by whatever method.
                let ends = points.filter { $0["weights"]?["kind"]?.double == 1 && $0["kl"] != nil }
                #expect(ends.count == 5 && ends.count { $0["rewards"] == ends[0]["rewards"] } >= 3)
                let tokens = points.filter { $0["tokens_of_a_final_model"] != nil }
                let drawn = tokens.map { $0["tokens_of_a_final_model"]?["generated"]?.double ?? -1 }
                #expect(drawn.count == 6 && drawn[4] > 0 && drawn.count { $0 == 0 } == 5)
                #expect(FileSystem.exists(FileSystem.join(place, "out/front.svg")))
                let weightless = points.filter { $0["weights"] != nil }.map(\.text)
                files.append(weightless.joined(separator: "\n"))
            }
            #expect(files[0] == files[1], "on one rank and on two")
        }
    }
}
