import Checkpoints
import Foundation
import Scratch
import Storage
import Testing

@Suite("Checkpoint folders")
struct CheckpointFolderTests {
    private struct Interruption: Error {}

    /// Writes a checkpoint of two files, one in a folder of its own.
    private func write(_ name: String, _ text: String, in folder: CheckpointFolder) throws {
        try folder.write(name: name) { directory in
            try AtomicFile.write(text, to: FileSystem.join(directory, "model.safetensors"))
            try FileSystem.makeDirectories(FileSystem.join(directory, "state"))
            try AtomicFile.write("state of \(text)", to: FileSystem.join(directory, "state/optimizer"))
            return Checksums()
        }
    }

    private func text(of name: String, in folder: CheckpointFolder) throws -> String {
        let path = FileSystem.join(folder.path(of: name), "model.safetensors")
        return String(decoding: try FileSystem.read(path), as: UTF8.self)
    }

    @Test("a checkpoint is written whole, replaces its older self and verifies")
    func write() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.file("output/run"))
        try write("final", "older", in: folder)
        try write("final", "newer", in: folder)
        #expect(try text(of: "final", in: folder) == "newer")
        #expect(try FileSystem.list(folder.path) == ["final"])
        #expect(try FileSystem.list(folder.path(of: "final")) == ["checksums.json", "model.safetensors", "state"])
        try folder.verify(folder.path(of: "final"))
    }

    @Test("a write that fails leaves the older state and nothing else")
    func failedWrite() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        try write("checkpoint-1", "older", in: folder)
        #expect(throws: Interruption.self) {
            try folder.write(name: "checkpoint-1") { directory in
                try AtomicFile.write("torn", to: FileSystem.join(directory, "model.safetensors"))
                throw Interruption()
            }
        }
        #expect(throws: CheckpointError.self) {
            try folder.write(name: "checkpoint-1") {
                try AtomicFile.write("x", to: FileSystem.join($0, "none/x"))
                return Checksums()
            }
        }
        #expect(try FileSystem.list(directory.path) == ["checkpoint-1"])
        #expect(try folder.newestComplete()?.step == 1)
        #expect(try text(of: "checkpoint-1", in: folder) == "older")
    }

    @Test("names that would leave the folder or hide in it are refused", arguments: ["", ".", "..", "a/b", "/a", ".a"])
    func names(name: String) throws {
        let directory = try TemporaryDirectory()
        #expect(throws: CheckpointError.self) {
            try CheckpointFolder(path: directory.path).write(name: name) { _ in Checksums() }
        }
    }

    @Test("a flipped bit, a cut tail and a missing file are noticed in every file of a checkpoint")
    func damage() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        try write("checkpoint-3", "weights", in: folder)
        let checkpoint = folder.path(of: "checkpoint-3")
        for name in ["model.safetensors", "state/optimizer"] {
            let path = FileSystem.join(checkpoint, name)
            let whole = try FileSystem.read(path)
            func expectDamage(_ bytes: [UInt8]?, _ reason: String) throws {
                if let bytes { try AtomicFile.write(bytes, to: path) } else { try FileSystem.remove(path) }
                let error = #expect(throws: CheckpointError.self) { try folder.verify(checkpoint) }
                #expect(error?.description.hasPrefix("\(path): \(reason)") == true)
            }
            for place in whole.indices {
                var changed = whole
                changed[place] ^= 0x10
                try expectDamage(changed, "its SHA-256 is ")
            }
            try expectDamage(whole.dropLast(), "it has \(whole.count - 1) bytes, \(whole.count) were written")
            try expectDamage(whole + [0], "it has \(whole.count + 1) bytes")
            try expectDamage([], "it has 0 bytes")
            try expectDamage(nil, "the file is missing")
            try AtomicFile.write(whole, to: path)
            try folder.verify(checkpoint)
        }
        // A file that somebody put there is no damage.
        try AtomicFile.write("seen", to: FileSystem.join(checkpoint, "notes.txt"))
        try folder.verify(checkpoint)
    }

    @Test("a damaged list of checksums is damage")
    func damagedChecksums() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        try write("final", "weights", in: folder)
        let list = FileSystem.join(folder.path(of: "final"), "checksums.json")
        let whole = try FileSystem.read(list)
        for count in whole.indices {
            try whole[..<count].withUnsafeBytes { try OpenFile(creating: list).write($0) }
            #expect(throws: CheckpointError.self, "cut at \(count)") { try folder.verify(folder.path(of: "final")) }
        }
        for text in [
            "{\"files\": {}}", "{\"files\": {\"../final/model.safetensors\": {\"size\": 7, \"sha256\": \"\"}}}",
            "{\"files\": {\"model.safetensors\": {\"size\": 7, \"sha256\": \"abc\"}}}",
        ] {
            try AtomicFile.write(text, to: list)
            #expect(throws: CheckpointError.self) { try folder.verify(folder.path(of: "final")) }
        }
        try FileSystem.remove(list)
        let error = #expect(throws: CheckpointError.self) { try folder.verify(folder.path(of: "final")) }
        #expect(error?.description.contains("it has no checksums.json, and") == true)
    }

    @Test("any byte changed and any tail cut, in any file: the checkpoint is passed over and the one before found")
    func random() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        for step in [1, 2] { try write("checkpoint-\(step)", String(repeating: "weights ", count: 99), in: folder) }
        var generator = SeededGenerator(state: 8)
        let newest = folder.path(of: "checkpoint-2")
        let names = ["model.safetensors", "state/optimizer", "checksums.json"]
        for attempt in 0..<400 {
            let path = FileSystem.join(newest, names.randomElement(using: &generator)!)
            let whole = try FileSystem.read(path)
            var bytes = whole
            let place = Int.random(in: whole.indices, using: &generator)
            if Bool.random(using: &generator) {
                bytes[place] ^= UInt8.random(in: 1...255, using: &generator)
            } else {
                bytes.removeSubrange(place...)
            }
            try bytes.withUnsafeBytes { try OpenFile(creating: path).write($0) }
            var skipped = 0
            let found = try folder.newestComplete { _, _ in skipped += 1 }
            #expect(found?.step == 1 && skipped == 1, "attempt \(attempt): \(path) at \(place)")
            try whole.withUnsafeBytes { try OpenFile(creating: path).write($0) }
        }
        #expect(try folder.newestComplete()?.step == 2)
    }

    @Test("a checkpoint made in several steps appears when it is published, and not when it is discarded")
    func draft() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        let draft = try folder.begin(name: "checkpoint-4")
        try AtomicFile.write("weights", to: FileSystem.join(draft.directory, "model.safetensors"))
        #expect(try folder.newestComplete() == nil)
        try draft.publish()
        #expect(try folder.newestComplete()?.step == 4)
        try folder.begin(name: "checkpoint-5").discard()
        #expect(try FileSystem.list(directory.path) == ["checkpoint-4"])
    }

    /// Writes a checkpoint with a file of tensors.
    private func writeTensors(_ name: String, in folder: CheckpointFolder) throws {
        try folder.write(name: name) { directory in
            try AtomicFile.write("{}", to: FileSystem.join(directory, "config.json"))
            try AtomicFile.write("state", to: FileSystem.join(directory, "trainer_state.json"))
            var writer = try SafetensorsWriter(
                path: FileSystem.join(directory, "model.safetensors"), layout: [("a", .float32, [3]), ("b", .uint8, [5])])
            try Array(0..<12).map(UInt8.init).withUnsafeBytes { try writer.write($0) }
            try [UInt8](repeating: 7, count: 5).withUnsafeBytes { try writer.write($0) }
            return try writer.finish()
        }
    }

    private func inode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
    }

    @Test("checksums taken while writing are those of the file")
    func checksumsOnTheWay() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        try writeTensors("checkpoint-1", in: folder)
        try folder.verify(folder.path(of: "checkpoint-1"))
        let list = try FileSystem.read(directory.file("checkpoint-1/checksums.json"))
        let digest = Digest.of(try FileSystem.read(directory.file("checkpoint-1/model.safetensors")))
        #expect(String(decoding: list, as: UTF8.self).contains(digest.hex))
    }

    @Test("a folder made from a checkpoint shares its tensors, outlives it, and isn't changed with it")
    func derived() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        try writeTensors("checkpoint-1", in: folder)
        try folder.write(name: "final", from: folder.path(of: "checkpoint-1"), taking: { $0 != "trainer_state.json" }) {
            try AtomicFile.write("card", to: FileSystem.join($0, "README.md"))
        }
        #expect(
            try FileSystem.list(directory.file("final")) == [
                "README.md", "checksums.json", "config.json", "model.safetensors",
            ])
        let tensors = directory.file("final/model.safetensors")
        #expect(try inode(tensors) == inode(directory.file("checkpoint-1/model.safetensors")))
        #expect(try inode(directory.file("final/config.json")) != inode(directory.file("checkpoint-1/config.json")))
        let bytes = try FileSystem.read(tensors)
        try writeTensors("checkpoint-2", in: folder)
        #expect(try folder.prune(keeping: 1) == ["checkpoint-1"])
        try folder.verify(folder.path(of: "final"))
        #expect(try FileSystem.read(tensors) == bytes)
    }

    @Test("where two places can't share a file it is copied")
    func copied() throws {
        let directory = try TemporaryDirectory()
        let other = "/dev/shm/prefopt-test-\(getpid())"
        guard (try? FileSystem.makeDirectories(other)) != nil else { return }
        defer { try? FileSystem.removeTree(other) }
        let folder = CheckpointFolder(path: directory.path)
        try writeTensors("checkpoint-1", in: folder)
        let far = CheckpointFolder(path: other)
        try far.write(name: "final", from: folder.path(of: "checkpoint-1"), taking: { _ in true })
        try far.verify(far.path(of: "final"))
        #expect(
            try FileSystem.read(FileSystem.join(other, "final/model.safetensors"))
                == FileSystem.read(directory.file("checkpoint-1/model.safetensors")))
    }

    @Test("the newest complete checkpoint is found by number, and those passed over are named with the reason")
    func newest() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        #expect(try folder.newestComplete() == nil)
        #expect(try CheckpointFolder(path: directory.file("none")).newestComplete() == nil)
        for step in [2, 10, 9] { try write("checkpoint-\(step)", "\(step)", in: folder) }
        for name in ["checkpoint-011", "checkpoint-x", "checkpoint--1", "checkpoint-", "final"] {
            try write(name, "no step", in: folder)
        }
        try AtomicFile.write("a file", to: directory.file("checkpoint-99"))
        #expect(try folder.steps() == [2, 9, 10])
        #expect(try folder.newestComplete()?.step == 10)
        #expect(try folder.newestComplete()?.path == folder.path(of: "checkpoint-10"))

        try AtomicFile.write("", to: FileSystem.join(folder.path(of: "checkpoint-10"), "model.safetensors"))
        var skipped: [String] = []
        let found = try folder.newestComplete { path, reason in skipped.append("\(path) → \(reason)") }
        #expect(found?.step == 9)
        let checkpoint = folder.path(of: "checkpoint-10")
        #expect(
            skipped == [
                "\(checkpoint) → \(checkpoint)/model.safetensors: it has 0 bytes, 2 were written; use an older checkpoint"
            ])
    }

    @Test("the oldest checkpoints go, the newest and the protected stay")
    func prune() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        for step in [1, 2, 9, 10, 11] { try write("checkpoint-\(step)", "\(step)", in: folder) }
        try write("final", "final", in: folder)
        #expect(try folder.prune(keeping: 5) == [])
        #expect(try folder.prune(keeping: 4) == ["checkpoint-1"])
        #expect(
            try folder.prune(keeping: 2, protecting: ["checkpoint-2", "checkpoint-11"])
                == ["checkpoint-9", "checkpoint-10"])
        #expect(try folder.prune(keeping: 0) == ["checkpoint-2"])
        #expect(try folder.prune(keeping: -1) == [])
        #expect(try FileSystem.list(directory.path) == ["checkpoint-11", "final"])
    }

    @Test("the last good checkpoint stays when newer ones are damaged")
    func pruneDamaged() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        for step in 1...4 { try write("checkpoint-\(step)", "\(step)", in: folder) }
        for step in 3...4 { try FileSystem.remove(directory.file("checkpoint-\(step)/model.safetensors")) }
        try folder.prune(keeping: 1)
        #expect(try folder.newestComplete()?.step == 2)
        try FileSystem.remove(directory.file("checkpoint-2/model.safetensors"))
        #expect(try folder.prune(keeping: 1) == [])
    }

    @Test("folders that another program made are neither counted nor deleted, and not replaced either")
    func foreign() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        for step in [1, 5, 30] { _ = try directory.write("theirs", as: "checkpoint-\(step)/optimizer.pt") }
        for step in [2, 3, 4] { try write("checkpoint-\(step)", "\(step)", in: folder) }
        #expect(try folder.ownSteps() == [2, 3, 4] && folder.steps() == [1, 2, 3, 4, 5, 30])
        var passed: [String] = []
        #expect(try folder.newestComplete { passed.append("\($0): \($1)") }?.step == 4)
        #expect(passed.count == 2 && passed[0].contains("is a checkpoint of another program (transformers' Trainer)"))
        #expect(try folder.prune(keeping: 1) == ["checkpoint-2", "checkpoint-3"])
        try write("checkpoint-5", "5", in: folder)
        #expect(
            try FileSystem.list(directory.path) == [
                "checkpoint-1", "checkpoint-30", "checkpoint-4", "checkpoint-5", "previous-1",
            ])
        #expect(try FileSystem.list(directory.file("previous-1/checkpoint-5")) == ["optimizer.pt"])
        #expect(try text(of: "checkpoint-5", in: folder) == "5")
    }

    @Test("leftovers of killed runs are cleared, and an older state gets back the name it was losing")
    func sweep() throws {
        let directory = try TemporaryDirectory()
        let folder = CheckpointFolder(path: directory.path)
        #expect(try CheckpointFolder(path: directory.file("none")).sweep() == [])
        try write("checkpoint-5", "kept", in: folder)
        for name in [".partial-checkpoint-7-123", ".removed-checkpoint-1-123", ".replaced-checkpoint-5-123"] {
            try FileSystem.makeDirectories(directory.file("\(name)/state"))
            try AtomicFile.write("torn", to: directory.file("\(name)/state/optimizer"))
        }
        // Killed between the two renames that replace a checkpoint.
        try write("checkpoint-6", "older", in: folder)
        try FileSystem.rename(directory.file("checkpoint-6"), to: directory.file(".replaced-checkpoint-6-123"))
        try write("newer", "newer", in: folder)
        try FileSystem.rename(directory.file("newer"), to: directory.file(".partial-checkpoint-6-123"))
        try AtomicFile.write("not ours", to: directory.file(".hidden"))

        #expect(
            try folder.sweep() == [
                ".partial-checkpoint-6-123", ".partial-checkpoint-7-123", ".removed-checkpoint-1-123",
                ".replaced-checkpoint-5-123",
            ])
        #expect(try FileSystem.list(directory.path) == [".hidden", "checkpoint-5", "checkpoint-6"])
        #expect(try text(of: "checkpoint-6", in: folder) == "older")
        #expect(try folder.newestComplete()?.step == 6)
        #expect(try folder.sweep() == [])
    }
}
