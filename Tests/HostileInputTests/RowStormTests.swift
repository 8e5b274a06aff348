import Preferences
import Scratch
import Storage
import Tables
import Testing
import Tokenization

/// Rows of data, distorted.
@Suite("Hostile rows")
struct RowStormTests {
    private static let rows: [JSON] = [
        ["prompt": "Why?", "chosen": " Because.", "rejected": " No."],
        ["chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Hi\n\nAssistant: Go away"],
        ["prompt_ids": [1, 2, 3], "chosen_ids": [4, 5], "rejected_ids": [6]],
        ["prompt": "Why?", "responses": ["a", "b", "c"], "pairs": [[0, 1], [1, 2]]],
        ["prompt": "Why?", "responses": ["a", "b", "c"], "scores": [0.5, 1, -2]],
        [
            "prompt": "Why?", "chosen": "a", "rejected": "b", "scores_chosen": ["safe": 1, "kind": 0.5],
            "scores_rejected": ["safe": 0, "kind": 2],
        ],
        [
            "prompt": [["role": "user", "content": "Hi"]], "chosen": [["role": "assistant", "content": "Hello"]],
            "rejected": [["role": "assistant", "content": "No"]],
        ],
        ["question": "Q", "answers": [["text": "a", "pm_score": 3], ["text": "b", "pm_score": 1]]],
        ["response_0": "a", "response_1": "b", "prompt": "p", "better_response_id": 1, "safer_response_id": 0],
    ]

    @Test("rows of wrong types and absurd numbers are refused or dropped, or are pairs within their bounds")
    func rows() throws {
        let tokenizer = try Tokenizer(directory: Storm.fixture("PreferencesTests/Fixtures/row-tokenizer"))
        let encoder = RowEncoder(
            tokenizer: tokenizer, mapping: RowMapping(),
            rule: EncodingRule(
                maxLength: 512, truncation: .drop, appendEOS: true, scoreNames: [],
                vocabularySize: 1000),
            file: "rows.jsonl")
        let refused = try Storm.run("rows", seed: 71, cases: 5000) { generator in
            let row = RowStormTests.rows.randomElement(using: &generator)!
            return Int.random(in: 0..<4, using: &generator) == 0
                ? mutated(row.bytes, with: &generator) : Distortion.of(row, with: &generator).bytes
        } read: { bytes in
            let row = try encoder.encode(line: bytes, number: 1, row: 0)
            _ = try PreferenceSet(merging: [Self.share(row)])
        }
        #expect(refused > 1000)
    }

    private static func share(_ row: EncodedRow) -> EncodedRows {
        var rows = EncodedRows(scoreNames: [])
        rows.append(row)
        return rows
    }

    @Test(
        "tables with damaged bytes are refused or read",
        arguments: [
            ("rows.csv", 81), ("rows.tsv", 82), ("rows.json", 83),
        ])
    func texts(name: String, seed: UInt64) throws {
        let folder = try TemporaryDirectory()
        let separator = name.hasSuffix("tsv") ? "\t" : ","
        let text =
            name.hasSuffix("json")
            ? JSON.array(RowStormTests.rows).text
            : [["prompt", "chosen", "rejected"], ["\"a \"\"b\"\"\nc\"", "d", "e"], ["é", "\"\"", "x"]]
                .map { $0.joined(separator: separator) }.joined(separator: "\r\n")
        try Storm.run(name, seed: seed, cases: 1000) { generator in
            mutated(Array(text.utf8), with: &generator)
        } read: { bytes in
            var reader = try TableReader(path: folder.write(bytes, as: name))
            var count = 0
            while try reader.next() != nil, count < 10_000 { count += 1 }
            #expect(count < 10_000)
        }
    }

    @Test(
        "Parquet files with changed numbers are refused or read, in bounded memory",
        arguments: [
            ("nested-dictionary", 91), ("rows-deltas-zstd", 92), ("rows-plain-snappy", 93), ("lz4-raw", 94),
            ("nested-deltas-v2", 95), ("rows-dictionary-gzip", 96),
        ])
    func parquet(name: String, seed: UInt64) throws {
        let folder = try TemporaryDirectory()
        let original = try FileSystem.read(Storm.fixture("TablesTests/Fixtures/\(name).parquet"))
        try Storm.run(name, seed: seed, cases: 500) { generator in
            var bytes = original
            // Thrift's numbers are of seven bits a byte: runs of high bits make them huge. The footer's come last.
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let place =
                    Int.random(
                        in: bytes.count / (Bool.random(using: &generator) ? 1 : 2)..<bytes.count + 1, using: &generator)
                    - 1
                let run = Int.random(in: 1...9, using: &generator)
                for i in place..<min(bytes.count, place + run) {
                    bytes[i] = [0xFF, 0x7F, 0x00, 0x80].randomElement(using: &generator)!
                }
            }
            return bytes
        } read: { bytes in
            var reader = try TableReader(path: folder.write(bytes, as: "a.parquet"))
            var count = 0
            while try reader.next() != nil, count < 10_000 { count += 1 }
        }
    }
}
