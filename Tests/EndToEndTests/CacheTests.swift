import Storage
import Testing

extension EndToEnd {
    /// Reference logps on disk: computed once, and never another model's.
    @Suite struct CacheTests {
        private static let computed = "comparisons computed"

        private func cacheFile(_ toy: Toy) throws -> String {
            let names = try FileSystem.list(toy.cache)
            #expect(names.count == 1)
            return FileSystem.join(toy.cache, names.first ?? "")
        }

        @Test("another beta, objective or number of ranks computes nothing")
        func reused() throws {
            let toy = try Toy()
            // One epoch, so that a run with another seed sees the same pairs.
            let epoch: JSONObject = ["num_train_epochs": 1, "max_steps": .null]
            let first = try toy.train(epoch, resume: "never")
            #expect(first.says(CacheTests.computed))
            let others: [(JSONObject, Int?)] = [
                (["beta": 0.3], nil), (["label_smoothing": 0.1], 3), (["seed": 9], 2),
                (["loss_type": "modpo", "weights": ["preference": 0.5, "helpful": 0.5]], 2),
            ]
            for (changes, ranks) in others {
                var settings = epoch
                for (key, value) in changes.members { settings[key] = value }
                let ending = try toy.train(settings, ranks: ranks, resume: "never")
                #expect(!ending.says(CacheTests.computed) && ending.says("comparisons from "), "\(ending.errors)")
                // From the cache or not: the same run.
                #expect(try toy.outcome() == Toy.outcome(settings))
            }
        }

        @Test("a deleted or changed byte is noticed and the logps are computed again", arguments: [true, false])
        func damaged(deleted: Bool) throws {
            let toy = try Toy()
            try toy.train(resume: "never")
            let whole = try toy.outcome()
            let file = try cacheFile(toy)
            var bytes = try FileSystem.read(file)
            let sound = bytes
            if deleted { bytes.remove(at: bytes.count / 2) } else { bytes[bytes.count / 2] ^= 1 }
            try AtomicFile.write(bytes, to: file)
            let ending = try toy.train(ranks: 2, resume: "never")
            #expect(ending.says("is not used") && ending.says(CacheTests.computed), "\(ending.errors)")
            #expect(try toy.outcome() == whole)
            #expect(try FileSystem.read(file) == sound, "and kept anew")
        }

        @Test("new rows are computed, known ones are not; changed weights are another model")
        func content() throws {
            let toy = try Toy()
            let model = try toy.copyOfModel()
            var settings: JSONObject = [
                "model_name_or_path": .string(model), "num_train_epochs": 1, "max_steps": .null,
            ]
            settings["train_file"] = .string(try toy.pairs(10))
            try toy.train(settings, resume: "never")
            let rows = try text(toy.folder.file("train.jsonl"))
            let more = rows + (try text(toy.pairs(4, seed: 2, as: "more.jsonl")))
            settings["train_file"] = .string(try toy.folder.write(more, as: "both.jsonl"))
            let second = try toy.train(settings, resume: "never")
            #expect(second.says("4 comparisons computed") && second.says("10 from the cache"), "\(second.errors)")

            let weights = FileSystem.join(model, "model.safetensors")
            var bytes = try FileSystem.read(weights)
            bytes[bytes.count - 3] ^= 1
            try AtomicFile.write(bytes, to: weights)
            let third = try toy.train(settings, resume: "never")
            #expect(third.says("14 comparisons computed"), "\(third.errors)")
        }
    }
}
