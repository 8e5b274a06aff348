import Foundation
import Scratch
import Storage
import Testing

@Suite("Files")
struct FileTests {
    @Test("a file is read and mapped as it was written, also an empty one")
    func readAndMap() throws {
        let directory = try TemporaryDirectory()
        for content in [[], [7], [UInt8](repeating: 42, count: 100_003)] as [[UInt8]] {
            let path = try directory.write(content, as: "file")
            #expect(try FileSystem.read(path) == content)
            #expect(try FileSystem.size(of: path) == content.count)
            let mapped = try MappedFile(path: path)
            #expect(Array(mapped.bytes) == content)
        }
    }

    @Test("an atomic write replaces the content and leaves nothing beside it")
    func atomicWrite() throws {
        let directory = try TemporaryDirectory()
        try AtomicFile.write("older and longer", to: directory.file("file"))
        try AtomicFile.write("newer", to: directory.file("file"))
        #expect(try FileSystem.read(directory.file("file")) == Array("newer".utf8))
        #expect(try FileSystem.list(directory.path) == ["file"])
    }

    @Test("a mapped file keeps its content while another takes its name")
    func mappedReplaced() throws {
        let directory = try TemporaryDirectory()
        let mapped = try MappedFile(path: try directory.write("older", as: "file"))
        try AtomicFile.write("new", to: directory.file("file"))
        #expect(Array(mapped.bytes) == Array("older".utf8))
    }

    @Test("a failed atomic write names the target, and leaves no temporary file")
    func atomicWriteFails() throws {
        let directory = try TemporaryDirectory()
        try FileSystem.makeDirectories(directory.file("taken"))
        let overFolder = #expect(throws: StorageError.self) { try AtomicFile.write("x", to: directory.file("taken")) }
        #expect(overFolder == .directory(path: directory.file("taken")))
        let noFolder = #expect(throws: StorageError.self) { try AtomicFile.write("x", to: directory.file("none/x")) }
        #expect(noFolder == .missing(path: directory.file("none")))
        #expect(try FileSystem.list(directory.path) == ["taken"])
    }

    @Test("a disk that is full is an error with its remedy")
    func fullDisk() throws {
        let error = #expect(throws: StorageError.self) {
            let file = try OpenFile(creating: "/dev/full")
            try [UInt8](repeating: 0, count: 10).withUnsafeBytes { try file.write($0) }
        }
        #expect(
            error?.description == "/dev/full: can't write: No space left on device; free some space, "
                + "or write to another disk")
    }

    @Test("folders are made, listed in byte order and removed whole, without following links")
    func folders() throws {
        let directory = try TemporaryDirectory()
        try FileSystem.makeDirectories(directory.file("a/b/c"))
        try FileSystem.makeDirectories(directory.file("a/b/c/"))
        _ = try directory.write("kept", as: "kept")
        for name in ["é", "B", "a", ".hidden"] { _ = try directory.write("x", as: "a/\(name)") }
        try FileManager.default.createSymbolicLink(
            atPath: directory.file("a/link"), withDestinationPath: directory.path)
        #expect(try FileSystem.list(directory.file("a")) == [".hidden", "B", "a", "b", "link", "é"])
        try FileSystem.removeTree(directory.file("a"))
        try FileSystem.removeTree(directory.file("a"))
        #expect(try FileSystem.list(directory.path) == ["kept"])
        let error = #expect(throws: StorageError.self) { try FileSystem.makeDirectories(directory.file("kept")) }
        #expect(error == .notDirectory(path: directory.file("kept")))
        let below = #expect(throws: StorageError.self) { try FileSystem.makeDirectories(directory.file("kept/a/b")) }
        #expect(below == .notDirectory(path: directory.file("kept")))
        try FileManager.default.createSymbolicLink(
            atPath: directory.file("lost"), withDestinationPath: "/nowhere/at/all")
        let lost = #expect(throws: StorageError.self) { try FileSystem.makeDirectories(directory.file("lost")) }
        #expect(lost == .danglingLink(path: directory.file("lost"), target: "/nowhere/at/all"))
        let barren = #expect(throws: StorageError.self) { try FileSystem.makeDirectories("/proc/prefopt") }
        #expect(barren == .nothingMade(path: "/proc/prefopt"))
    }

    @Test("a probe tells whether a folder takes files, and leaves none")
    func probe() throws {
        let directory = try TemporaryDirectory()
        try AtomicFile.probe(directory.path)
        #expect(try FileSystem.list(directory.path).isEmpty)
        #expect(throws: StorageError.nothingMade(path: "/proc/a file")) { try AtomicFile.probe("/proc") }
    }

    @Test("bytes are read from any place, fewer at the end")
    func places() throws {
        let directory = try TemporaryDirectory()
        let file = try OpenFile(reading: directory.write("0123456789", as: "digits"))
        #expect(try file.bytes(3, at: 4) == Array("456".utf8))
        #expect(try file.bytes(4, at: 8) == Array("89".utf8))
        #expect(try file.bytes(4, at: 20).isEmpty)
    }

    @Test("paths are taken apart and joined")
    func paths() {
        #expect(FileSystem.join("a", "b") == "a/b")
        #expect(FileSystem.join("a/", "b") == "a/b")
        #expect(FileSystem.join("", "b") == "b")
        #expect(["/", "/a", "a", "a/b", "a/b/", "a//b"].map(FileSystem.parent(of:)) == ["/", "/", ".", "a", "a", "a"])
        #expect(["/", "/a", "a", "a/b", "a/b/"].map(FileSystem.name(of:)) == ["/", "a", "a", "b", "b"])
    }

    @Test("a folder is locked by one holder at a time")
    func lock() throws {
        let directory = try TemporaryDirectory()
        let lock = try DirectoryLock(directory.path)
        let error = #expect(throws: StorageError.self) { try DirectoryLock(directory.path).release() }
        guard case .locked(directory.path, let owner?) = error else {
            Issue.record("\(error.map { "\($0)" } ?? "no error")")
            return
        }
        #expect(owner.hasPrefix("pid \(getpid()) on ") && owner.count > "pid \(getpid()) on ".count)
        lock.release()
        try DirectoryLock(directory.path).release()
    }

    @Test("SHA-256 equals the standard's examples, whole and in pieces")
    func digest() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(Digest.of([UInt8]()).hex == empty)
        #expect(Digest.of(Array("abc".utf8)).hex == abc)
        var pieces = Digest()
        pieces.update([])
        pieces.update(Array("a".utf8))
        pieces.update(Array("bc".utf8))
        #expect(pieces.finish() == Digest.Value(hex: abc))
        #expect(Digest.Value(hex: abc.uppercased())?.hex == abc)
        for wrong in ["", "ab", abc + "0", String(abc.dropLast()) + "g", String(abc.dropLast(2)) + "é"] {
            #expect(Digest.Value(hex: wrong) == nil)
        }
    }

    @Test("fields keep their borders in a digest")
    func digestFields() {
        func digest(_ fields: String...) -> Digest.Value {
            var digest = Digest()
            for field in fields { digest.update(field: field) }
            return digest.finish()
        }
        #expect(digest("ab", "c") != digest("a", "bc"))
        #expect(digest("a", "") != digest("a"))
    }
}
