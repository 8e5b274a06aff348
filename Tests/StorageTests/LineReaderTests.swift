import Scratch
import Storage
import Testing

@Suite("LineReader")
struct LineReaderTests {
    /// The lines that `Fixtures/make_fixtures.sh` puts into each compressed file.
    private static let expected: [String] = {
        var lines = (0..<2000).map { row in
            "{\"row\": \(row), \"text\": \"\(String(repeating: "abc ", count: row % 37))\"}"
        }
        lines[10] = ""
        lines[11] = "ends like Windows"
        lines[12] = "Größe 大きさ 😀"
        lines[13] = String(repeating: "x", count: 5000)
        lines[1999] = "no newline after this"
        return lines
    }()

    private func lines(of path: String, bufferSize: Int = 1 << 18) throws -> [String] {
        var reader = try LineReader(path: path, bufferSize: bufferSize)
        var lines: [String] = []
        while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
        #expect(reader.lineNumber == lines.count)
        #expect(try reader.next() == nil)
        return lines
    }

    @Test(
        "gzip and Zstandard are read like plain text, in one part or several, through buffers of any size",
        arguments: ["lines.gz", "members.gz", "lines.zst", "frames.zst"], [4, 61, 4096, 1 << 18])
    func compressed(name: String, bufferSize: Int) throws {
        #expect(try lines(of: fixture(name), bufferSize: bufferSize) == LineReaderTests.expected)
    }

    @Test("plain text is read through buffers of any size", arguments: [4, 7, 1 << 18])
    func plain(bufferSize: Int) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(LineReaderTests.expected.joined(separator: "\n"), as: "lines.txt")
        #expect(try lines(of: path, bufferSize: bufferSize) == LineReaderTests.expected)
    }

    @Test("a line ends with \\n or \\r\\n and the last one may lack its end")
    func lineEnds() throws {
        let directory = try TemporaryDirectory()
        let expected: [(text: String, lines: [String])] = [
            ("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\nb", ["a", "b"]), ("\r\n\r\n", ["", ""]),
            ("a\r\nb\r\n", ["a", "b"]), ("a\rb\n", ["a\rb"]), ("a\n\n", ["a", ""]), ("a\r\r\n", ["a\r"]),
        ]
        for (text, lines) in expected {
            let path = try directory.write(text, as: "lines.txt")
            #expect(try self.lines(of: path) == lines)
            #expect(try self.lines(of: path, bufferSize: 4) == lines)
        }
    }

    @Test(
        "a compressed file cut anywhere is an error that names it",
        arguments: ["lines.gz", "members.gz", "frames.zst"])
    func truncated(name: String) throws {
        let directory = try TemporaryDirectory()
        let whole = try FileSystem.read(fixture(name))
        var cleanCuts = 0
        for count in stride(from: 4, to: whole.count, by: 41) {
            let path = try directory.write(Array(whole[..<count]), as: "cut")
            do {
                _ = try lines(of: path)
                cleanCuts += 1
            } catch let error as StorageError {
                guard case .truncated(path, _, count) = error else {
                    Issue.record("cut at \(count): \(error)")
                    continue
                }
            }
        }
        // Only between two members or frames may a file end.
        #expect(cleanCuts <= 2)
    }

    @Test(
        "a compressed file of no length is an error, not an empty data set", arguments: ["a.jsonl.gz", "a.jsonl.zst"])
    func emptyCompressed(name: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write([UInt8](), as: name)
        #expect(throws: StorageError.self) { try lines(of: path) }
    }

    @Test("changed bytes in a gzip file are noticed")
    func corrupt() throws {
        let directory = try TemporaryDirectory()
        var bytes = try FileSystem.read(fixture("lines.gz"))
        bytes[bytes.count - 6] ^= 1
        let path = try directory.write(bytes, as: "data.jsonl.gz")
        let error = #expect(throws: StorageError.self) { try lines(of: path) }
        #expect(error?.description.contains("data.jsonl.gz: corrupt gzip data") == true)
        #expect(error?.description.contains("incorrect data check") == true)
    }

    @Test("zeros after a gzip member are padding, anything else is an error")
    func trailing() throws {
        let directory = try TemporaryDirectory()
        let bytes = try FileSystem.read(fixture("lines.gz"))
        let padded = try directory.write(bytes + [UInt8](repeating: 0, count: 700), as: "padded.gz")
        #expect(try lines(of: padded, bufferSize: 100) == LineReaderTests.expected)
        let dirty = try directory.write(bytes + Array("more".utf8), as: "dirty.gz")
        #expect(throws: StorageError.self) { try lines(of: dirty) }
    }

    @Test("200 damaged compressed files are read or refused, never fatal", arguments: ["members.gz", "frames.zst"])
    func fuzz(name: String) throws {
        let directory = try TemporaryDirectory()
        let whole = try FileSystem.read(fixture(name))
        var generator = SeededGenerator(state: 2)
        var refused = 0
        for _ in 0..<200 {
            let path = try directory.write(mutated(whole, with: &generator), as: "damaged")
            do { _ = try lines(of: path) } catch is StorageError { refused += 1 }
        }
        #expect(refused > 80)
    }

    @Test("a missing file and a folder are errors that say so")
    func notFiles() throws {
        let directory = try TemporaryDirectory()
        let missing = #expect(throws: StorageError.self) { _ = try LineReader(path: directory.file("none.jsonl")) }
        #expect(missing == .missing(path: directory.file("none.jsonl")))
        let folder = #expect(throws: StorageError.self) { _ = try LineReader(path: directory.path) }
        #expect(folder == .directory(path: directory.path))
    }
}
