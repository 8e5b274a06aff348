import Foundation
import Scratch
import Storage
import Tables
import Testing

@Suite("Parquet") struct ParquetTests {
    static let codecs = ["none", "snappy", "gzip", "zstd", "lz4"]

    @Test(
        "five codecs in three encodings give the rows of their JSONL twin", arguments: codecs,
        [
            "plain", "dictionary", "deltas",
        ])
    func twins(codec: String, encoding: String) throws {
        #expect(try Rows.of(fixture("rows-\(encoding)-\(codec).parquet")) == Rows.of(fixture("rows.jsonl")))
    }

    @Test(
        "lists, structs and maps inside each other give the rows of their JSONL twin",
        arguments: [
            "nested-dictionary", "nested-deltas-v2", "nested-old-names",
        ])
    func nested(name: String) throws {
        #expect(try Rows.of(fixture("\(name).parquet")) == Rows.of(fixture("nested.jsonl")))
    }

    @Test(
        "lists of two levels and the older LZ4 codec, framed and not, are read",
        arguments: [
            ("legacy-lists", "legacy-lists"), ("lz4-raw", "lz4"), ("lz4-old-number", "lz4"), ("lz4-hadoop", "lz4"),
        ])
    func old(name: String, twin: String) throws {
        #expect(try Rows.of(fixture("\(name).parquet")) == Rows.of(fixture("\(twin).jsonl")))
    }

    @Test("a reader that skips rows gets the others right")
    func skipping() throws {
        for name in ["nested-dictionary", "nested-deltas-v2", "rows-deltas-zstd"] {
            let whole = try Rows.of(fixture("\(name).parquet"))
            var reader = try TableReader(path: fixture("\(name).parquet"))
            var number = 0
            while let row = try reader.next(wanted: number % 3 == 0) {
                #expect(row.line == number + 1)
                if number % 3 == 0 { #expect(try Rows.value(row) == whole[number]) }
                number += 1
            }
            #expect(number == whole.count)
        }
    }

    @Test(
        "what can't be read is refused by its name",
        arguments: [
            (
                "int96",
                "the footer holds \"when\" as INT96 (an old kind of timestamp), which can't be read; "
                    + "write the file without the column, or cast it first"
            ),
            (
                "decimal",
                "the footer holds \"price\" as DECIMAL, which can't be read; "
                    + "write the file without the column, or cast it first"
            ),
            (
                "fixed",
                "the footer holds \"id\" as FIXED_LEN_BYTE_ARRAY of 16 bytes, which can't be read; "
                    + "write the file without the column, or cast it first"
            ),
            (
                "brotli",
                "column text, row group 0 is compressed with Brotli, which can't be read; "
                    + "write the file with zstd, snappy, gzip or lz4"
            ),
            (
                "bytes",
                "column image, row group 0 holds bytes that are not UTF-8 text, "
                    + "which can't be read; write the file without the column, or as text"
            ),
        ])
    func refused(name: String, message: String) throws {
        let path = fixture("refused-\(name).parquet")
        #expect(Rows.complaint(path) == "\(path): \(message)")
    }

    @Test("files that stop or are no Parquet say so")
    func cut() throws {
        let folder = try TemporaryDirectory()
        let whole = try FileSystem.read(fixture("rows-plain-none.parquet"))
        func complaint(_ bytes: [UInt8]) throws -> String {
            let path = try folder.write(bytes, as: "cut.parquet")
            return Rows.complaint(path).replacingOccurrences(of: path, with: "F")
        }
        let remedy = "; fetch or write the file again"
        #expect(try complaint([]) == "F: damaged Parquet in the footer: the file doesn't begin as one" + remedy)
        #expect(
            try complaint(Array(whole.dropLast(1)))
                == "F: damaged Parquet in the footer: the file's end is missing" + remedy)
        var long = whole
        long.replaceSubrange(whole.count - 8..<whole.count - 4, with: [0xFF, 0xFF, 0xFF, 0x7F])
        #expect(
            try complaint(long) == "F: damaged Parquet in the footer: a footer of 2147483647 bytes" + remedy)
        var flipped = whole
        flipped[60] ^= 1
        #expect(
            try complaint(flipped)
                == "F: damaged Parquet in column prompt, row group 0: the page doesn't fit its checksum" + remedy)
    }

    @Test(
        "damaged files are an error or other rows, never a crash, and never take the memory",
        arguments: [
            "rows-plain-snappy", "rows-dictionary-lz4", "rows-deltas-none", "rows-dictionary-zstd", "nested-dictionary",
            "nested-old-names", "lz4-hadoop", "legacy-lists", "rows-dictionary-gzip",
        ])
    func damage(name: String) throws {
        let folder = try TemporaryDirectory()
        let whole = try FileSystem.read(fixture("\(name).parquet"))
        var generator = SeededGenerator(state: 11)
        for round in 0..<400 {
            var bytes = mutated(whole, with: &generator)
            // Half of the files keep their end, so that what lies before it is reached.
            if round % 2 == 0, bytes.count > 12 {
                bytes = Array(bytes.prefix(max(4, bytes.count - 12))) + whole.suffix(12)
            }
            if round % 4 == 1 {
                bytes = whole
                bytes[Int.random(in: 4..<bytes.count - 8, using: &generator)] ^=
                    1 << UInt8.random(in: 0..<8, using: &generator)
            }
            let path = try folder.write(bytes, as: "damaged.parquet")
            let ending = Rows.complaint(path, most: 10_000)
            #expect(ending.hasPrefix("no error") || ending.hasPrefix(path))
        }
    }

    @Test("real files give the rows of their JSONL twins", .enabled(if: FileSystem.exists(Rows.shared)))
    func real() throws {
        let scores = try Rows.of("\(Rows.shared)/modpo_struct_scores_snappy.parquet")
        #expect(scores == Array(try Rows.of("\(Rows.shared)/qa_feedback_modpo_test.jsonl.gz").prefix(60)))
        // Transcripts without a twin: other rows of HH than the JSONL's.
        let transcripts = try Rows.of("\(Rows.shared)/hh_test_snappy.parquet")
        #expect(transcripts.count == 100)
        for row in transcripts {
            #expect(row.object?.names == ["chosen", "rejected"])
            #expect(row.object?.members.allSatisfy { $0.value.string?.hasPrefix("\n\nHuman: ") == true } == true)
        }
    }
}

/// Short ways to the rows of a file.
enum Rows {
    static let shared = URL(filePath: #filePath).appending(path: "../../../../shared/data/preferences").standardized
        .path

    static func of(_ path: String, most: Int = .max) throws -> [JSON] {
        var reader = try TableReader(path: path)
        var rows: [JSON] = []
        while rows.count < most, let row = try reader.next() { rows.append(try value(row)) }
        return rows
    }

    static func value(_ row: TableRow) throws -> JSON {
        switch row.content {
        case .text(let bytes): try JSON.parse(bytes)
        case .columns(let object), .cells(let object): .object(object)
        }
    }

    static func complaint(_ path: String, most: Int = .max) -> String {
        do { return "no error: \(try of(path, most: most).count) rows" } catch { return "\(error)" }
    }
}
