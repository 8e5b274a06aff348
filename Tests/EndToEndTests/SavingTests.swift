import Foundation
import Glibc
import Scratch
import Storage
import Testing

extension EndToEnd {
    /// Checkpoints that are written while the steps go on, and disks that don't take them.
    @Suite struct SavingTests {
        private func files(_ toy: Toy) throws -> [String: [UInt8]] {
            var files: [String: [UInt8]] = [:]
            for folder in try FileSystem.list(toy.output) where FileSystem.isDirectory(toy.output(folder)) {
                for name in try FileSystem.list(toy.output(folder)) {
                    files["\(folder)/\(name)"] = try FileSystem.read(toy.output("\(folder)/\(name)"))
                }
                // The card names the run's folder and its keys, so its digest is another too.
                guard let card = files["\(folder)/README.md"] else { continue }
                var lines = lines(of: String(decoding: card, as: UTF8.self))
                lines.removeAll { $0.hasPrefix("save_in_background:") }
                files["\(folder)/README.md"] = Array(
                    lines.joined(separator: "\n").split(separator: toy.folder.path, omittingEmptySubsequences: false)
                        .joined().utf8)
                let checksums = try JSON.parse(FileSystem.read(toy.output("\(folder)/checksums.json")))
                var others = checksums["files"]?.object ?? [:]
                others["README.md"] = nil
                files["\(folder)/checksums.json"] = Array(JSON.object(others).text.utf8)
            }
            return files
        }

        @Test(
            "saved in the background or with everybody waiting: the same files", arguments: ["float32", "bfloat16"],
            [nil, 3])
        func background(type: String, ranks: Int?) throws {
            let runs = try [true, false].map { background in
                let toy = try Toy()
                let ending = try toy.train(
                    [
                        "save_in_background": .bool(background), "save_dtype": .string(type), "save_steps": 1,
                        "zero_stage": ranks == nil ? 0 : 1, "max_steps": 5,
                    ], ranks: ranks)
                #expect(ending.says("snapshot") == background)
                for step in 1...5 { #expect(ending.says("step \(step): saved "), "\(ending.errors)") }
                return try files(toy)
            }
            #expect(runs[0] == runs[1])
            #expect(runs[0].count >= 5 * 4 + 2)
        }

        @Test("save_total_limit keeps the newest and the best, in the background too", arguments: [true, false])
        func limit(background: Bool) throws {
            let toy = try Toy()
            let held = try toy.pairs(8, seed: 6, as: "held.jsonl")
            try toy.train([
                "eval_file": .string(held), "eval_steps": 1, "save_steps": 1, "load_best_model_at_end": true,
                "save_total_limit": 1, "max_steps": 6, "learning_rate": 0.1, "save_in_background": .bool(background),
            ])
            let evaluations = try rows(toy.output("metrics.jsonl")).filter { $0["eval_loss"] != nil }
            let best = try #require(
                evaluations.min { $0["eval_loss"]?.double ?? .nan < $1["eval_loss"]?.double ?? .nan })
            let step = try #require(best["step"]?.integer)
            #expect(try toy.finalWeights() == FileSystem.read(toy.output("checkpoint-\(step)/model.safetensors")))
            let kept = try FileSystem.list(toy.output).filter { $0.hasPrefix("checkpoint-") }
            #expect(Set(kept) == ["checkpoint-\(step)", "checkpoint-6"])
        }

        @Test("a second job on the folder is refused and names the first", arguments: [nil, 2])
        func locked(ranks: Int?) throws {
            let toy = try Toy()
            let first = try Job(["train", try toy.runFile(["max_steps": 100_000])], ranks: nil)
            _ = first.wait { FileSystem.exists(toy.output("metrics.jsonl")) }
            let second = try Program.run(["train", try toy.runFile(["max_steps": 4])], ranks: ranks)
            first.signal(SIGKILL)
            _ = try first.wait(limit: 10)
            #expect(second.status == 2 && second.messages.count == 1, "\(second.errors)")
            #expect(second.says("another run (pid "))
            #expect(second.says("is using this folder; wait for it to end, or choose another folder"))
        }

        /// A disk of so many KiB, for those who may mount one.
        private final class SmallDisk {
            let path: String

            init?(_ path: String, kibibytes: Int) throws {
                try FileSystem.makeDirectories(path)
                self.path = path
                guard getuid() == 0, mount("tmpfs", path, "tmpfs", 0, "size=\(kibibytes)k") == 0 else { return nil }
            }

            deinit { umount2(path, 2) }
        }

        @Test(
            "a disk that fills up ends the run with 2 and one message, and what was saved before is whole",
            arguments: [true, false], [nil, 2])
        func full(background: Bool, ranks: Int?) throws {
            let toy = try Toy()
            // A checkpoint of the toy is 340 KiB; two fit.
            guard let disk = try SmallDisk(toy.output, kibibytes: 900) else { return }
            let settings: JSONObject = [
                "save_in_background": .bool(background), "save_steps": 2, "max_steps": 5000,
                "zero_stage": ranks == nil ? 0 : 1,
            ]
            let ending = try Program.run(["train", try toy.runFile(settings)], ranks: ranks)
            #expect(ending.status == 2, "\(ending.errors)")
            #expect(ending.messages.count == 1 && ending.says("No space left on device"), "\(ending.errors)")
            #expect(ending.says("free some space, or write to another disk"))
            #expect(try FileSystem.list(toy.output).filter { $0.hasPrefix(".partial") }.isEmpty)
            let steps = try FileSystem.list(toy.output).filter { $0.hasPrefix("checkpoint-") }
            #expect(Set(steps) == ["checkpoint-2", "checkpoint-4"])

            // With room again the run goes on from there.
            try FileSystem.removeTree(toy.output("checkpoint-2"))
            let again = try Program.run(
                ["train", try toy.runFile(["save_steps": 500, "max_steps": 6])], ranks: ranks)
            #expect(again.says("going on after step 4"), "\(again.errors)")
            withExtendedLifetime(disk) {}
        }
    }
}
