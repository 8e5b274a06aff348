import Scratch
import Storage
import Testing

extension EndToEnd {
    /// The binary's results on the committed checkpoints, beside float64 torch.
    @Suite struct GoldenRunTests {
        @Test("score --per-token equals torch within 2e-4 nats", arguments: Goldens.models, [nil, 2])
        func score(name: String, ranks: Int?) throws {
            let golden = try JSON.parse(FileSystem.read(Goldens.path("\(name).json")))
            let folder = try TemporaryDirectory()
            let ending = try Program.run(
                [
                    "score", "--model", Goldens.model(name), "--reference",
                    Goldens.path(golden["reference"]?.string ?? ""),
                    "--data", Goldens.path("\(name).jsonl"), "--output", folder.file("scores.jsonl"), "--per-token",
                ], ranks: ranks)
            #expect(ending.status == 0, "\(ending.errors)")
            #expect(ending.output == "", "results go to --output")

            let scores = try rows(folder.file("scores.jsonl"))
            #expect(scores.count == golden["logps"]?["policy"]?["chosen"]?.array?.count)
            for (index, score) in scores.enumerated() {
                #expect(score["index"]?.integer == index)
                for side in ["chosen", "rejected"] {
                    let ours = numbers(score["\(side)_token_logps"])
                    let theirs = numbers(golden["logps"]?["policy"]?[side]?.array?[index])
                    #expect(ours.count == theirs.count && ours.count == score["\(side)_length"]?.integer)
                    for (a, b) in zip(ours, theirs) { #expect(abs(a - b) < 2e-4) }
                    let sum = try #require(score["policy_\(side)_logps"]?.double)
                    #expect(abs(sum - theirs.reduce(0, +)) < 2e-4)
                    let reference = try #require(score["reference_\(side)_logps"]?.double)
                    let expected = numbers(golden["logps"]?["reference"]?[side]?.array?[index]).reduce(0, +)
                    #expect(abs(reference - expected) < 2e-4)
                }
            }
        }

        @Test(
            "a step's losses equal torch's within 1e-4 and its gradients within 2e-4", arguments: Goldens.models,
            [nil, 2])
        func step(name: String, ranks: Int?) throws {
            let golden = try JSON.parse(FileSystem.read(Goldens.path("\(name).json")))
            for objective in golden["objectives"]?.array ?? [] {
                let gradients = objective["gradients"]?.string
                // Several ranks for those with gradients only: the others differ from them by the loss function alone.
                if ranks != nil, gradients == nil { continue }
                let toy = try Toy()
                var settings = objective["settings"]?.object ?? [:]
                settings["model_name_or_path"] = .string(Goldens.model(name))
                settings["train_file"] = .string(Goldens.path("\(name).jsonl"))
                settings["debug_dump"] = .string(toy.folder.file("dump"))
                let rest: JSONObject = ["max_steps": 1, "global_batch_size": 8, "reproducible": false]
                for (key, value) in rest.members {
                    settings[key] = value
                }
                if ["sigmoid", "modpo"].contains(settings["loss_type"]?.string) {
                    settings["ref_model_name_or_path"] = .string(Goldens.path(golden["reference"]?.string ?? ""))
                }
                // What these goldens' loss is: a mean of responses' means.
                if settings["loss_type"] == "sft" { settings["nll_reduction"] = "response" }
                try toy.train(settings, ranks: ranks)

                let title = "\(objective["name"]?.string ?? "")"
                let loss = try #require(try toy.losses().first)
                #expect(abs(loss - (objective["loss"]?.double ?? .nan)) < 1e-4, "\(title)")
                let pairs = try rows(toy.folder.file("dump/pairs-1.jsonl"))
                let losses = numbers(objective["losses"])
                #expect(pairs.count == losses.count)
                for pair in pairs {
                    let line = try #require(pair["line"]?.integer)
                    #expect(abs((pair["loss"]?.double ?? .nan) - losses[line - 1]) < 1e-4, "\(title), line \(line)")
                }
                guard let gradients else { continue }
                let ours = try Tensors(toy.folder.file("dump/gradients-1.safetensors"))
                #expect(ours.distance(from: try Tensors(Goldens.path(gradients))) < 2e-4, "\(title)")
            }
        }
    }
}
