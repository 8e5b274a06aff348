import Checkpoints
import Glibc
import Scratch
import Storage
import Tables
import Testing
import Tokenization

/// Things that aren't files where files are expected. Reading as root, permissions can't refuse anything; pipes can hang.
@Suite("Things that aren't files")
struct FileKindTests {
    /// The readers that are given such things, one after the other.
    private static let readers: [(name: String, read: @Sendable (String) throws -> Void)] = [
        ("whole file", { _ = try FileSystem.read($0) }),
        ("mapped file", { _ = try MappedFile(path: $0) }),
        (
            "lines",
            { path in
                var lines = try LineReader(path: path)
                while try lines.next() != nil {}
            }
        ),
        ("safetensors", { _ = try SafetensorsFile(path: $0) }),
        ("JSON rows", { _ = try TableReader(path: $0) }),
    ]

    @Test("a named pipe is refused at once, by every reader")
    func pipe() throws {
        let folder = try TemporaryDirectory()
        for name in ["a.jsonl", "model.safetensors", "a.parquet", "a.csv", "a.gz"] {
            let path = folder.file(name)
            #expect(mkfifo(path, 0o666) == 0)
            for reader in FileKindTests.readers {
                do {
                    try reader.read(path)
                    Issue.record("\(reader.name) of \(name) took a pipe")
                } catch {
                    #expect(
                        "\(error)".contains("is a pipe, a socket or a device where a file was expected"), "\(error)")
                }
            }
        }
    }

    @Test("a device without end is refused, /dev/null is an empty file")
    func device() throws {
        for reader in FileKindTests.readers { #expect(throws: (any Error).self) { try reader.read("/dev/zero") } }
        #expect(try FileSystem.read("/dev/null").isEmpty)
    }

    @Test("a folder is refused by every reader")
    func folder() throws {
        let folder = try TemporaryDirectory()
        for reader in FileKindTests.readers where reader.name != "JSON rows" {
            let error = #expect(throws: (any Error).self) { try reader.read(folder.path) }
            #expect("\(error!)".contains("is a folder where a file was expected"))
        }
        // A model whose files are folders and pipes.
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            try FileSystem.makeDirectories(folder.file(name))
        }
        #expect(throws: CheckpointError.self) { try ModelDirectory(path: folder.path) }
        #expect(throws: TokenizerError.self) { try Tokenizer(directory: folder.path) }
    }

    @Test("an empty file is an error for those who need content, and no rows for those who read rows")
    func empty() throws {
        let folder = try TemporaryDirectory()
        #expect(throws: CheckpointError.self) { try SafetensorsFile(path: folder.write("", as: "a.safetensors")) }
        for name in ["a.parquet", "a.jsonl.gz", "a.jsonl.zst"] {
            #expect(throws: (any Error).self) {
                var reader = try TableReader(path: folder.write("", as: name))
                _ = try reader.next()
            }
        }
        var lines = try LineReader(path: folder.write("", as: "a.jsonl"))
        #expect(try lines.next() == nil)
    }

    @Test("a link that leads in a circle is an error")
    func circle() throws {
        let folder = try TemporaryDirectory()
        #expect(symlink(folder.file("a"), folder.file("b")) == 0 && symlink(folder.file("b"), folder.file("a")) == 0)
        for reader in FileKindTests.readers { #expect(throws: (any Error).self) { try reader.read(folder.file("a")) } }
    }
}
