import Storage
import Testing

extension EndToEnd {
    /// A step of every loss beside float64 torch: `Tests/Goldens/make_loss_goldens.py`.
    @Suite struct LossRunTests {
        private static let golden = Result { try JSON.parse(FileSystem.read(Goldens.path("narrow.json"))) }
        static let objectives = (try? golden.get()["objectives"]?.array) ?? []

        private static let withoutReference: Set = [
            "simpo", "orpo", "cpo", "slic", "unlikelihood", "rrhf", "sft",
        ]

        @Test("every loss is there")
        func complete() { #expect(Self.objectives.count == 29) }

        @Test(
            "a step's losses equal torch's within 1e-4 and its whole gradient within 2e-4, on 1 and 3 ranks",
            arguments: objectives.indices)
        func step(index: Int) throws {
            let objective = Self.objectives[index]
            let title = objective["name"]?.string ?? ""
            let expected = try Tensors(Goldens.path("narrow.safetensors"), under: title + "/")
            for ranks in [nil, 3] {
                let toy = try Toy()
                var settings = objective["settings"]?.object ?? [:]
                settings["model_name_or_path"] = .string(Goldens.model("narrow"))
                settings["train_file"] = .string(Goldens.path("narrow.jsonl"))
                settings["debug_dump"] = .string(toy.folder.file("dump"))
                settings["shuffle"] = false
                settings["max_steps"] = 1
                settings["reproducible"] = false
                let isSplit = settings["loss_type"] == "kto"
                settings["global_batch_size"] = isSplit ? 16 : 8
                if !Self.withoutReference.contains(settings["loss_type"]?.string ?? "") {
                    settings["ref_model_name_or_path"] = .string(Goldens.model("narrow-reference"))
                }
                try toy.train(settings, ranks: ranks)

                let loss = try #require(try toy.losses().first)
                let torch = objective["loss"]?.double ?? .nan
                #expect(abs(loss - torch) < 1e-4 * max(1, torch), "\(title)")
                let rows = try rows(toy.folder.file("dump/pairs-1.jsonl"))
                let losses = numbers(objective["losses"])
                #expect(rows.count == losses.count)
                for (row, theirs) in zip(rows, losses) {
                    #expect(abs((row["loss"]?.double ?? .nan) - theirs) < 1e-4 * max(1, abs(theirs)), "\(title)")
                }
                let ours = try Tensors(toy.folder.file("dump/gradients-1.safetensors"))
                #expect(ours.distance(from: expected) < 2e-4, "\(title)")
            }
        }
    }
}
