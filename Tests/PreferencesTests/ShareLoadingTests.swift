import Foundation
import Preferences
import Storage
import Testing
import Tokenization

/// One rank's threads encode the rows of a file.
@Suite("Encoding on several threads") struct ShareLoadingTests {
    /// Encodes a file of sound rows, some lines of which are put in the place of others.
    static func share(
        rows: Int = 1000, wrong: [Int: String] = [:], threads: Int, rank: Int = 0, of worldSize: Int = 1,
        progress: (Int) -> Void = { _ in }
    ) throws -> EncodedRows {
        let path = FileManager.default.temporaryDirectory.appending(path: "share-\(UUID().uuidString).jsonl").path
        let lines = (1...rows).map { line in
            wrong[line]
                ?? #"{"prompt": "The sky is \#(line)", "chosen": " blue", "#
                + #""rejected": " black \#(line % 7)", "n\#(line % 3)": 1}"#
        }
        try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let encoder = RowFixture.encoder(try RowFixture.tokenizer())
        return try encoder.encodeShare(of: path, rank: rank, of: worldSize, threads: threads, progress: progress)
    }

    @Test("any number of threads gives the same words", arguments: [2, 3, 8])
    func threads(count: Int) throws {
        let alone = try Self.share(threads: 1)
        #expect(try Self.share(threads: count) == alone)
        #expect(try Self.share(threads: count, rank: 1, of: 3) == Self.share(threads: 1, rank: 1, of: 3))
        #expect(try PreferenceSet(merging: [alone]).unusedColumns == ["n0", "n1", "n2"])
    }

    @Test("the first wrong line is named, whichever thread meets one first", arguments: [1, 2, 5])
    func firstFailure(threads: Int) throws {
        for first in [3, 64, 65, 700] {
            let wrong = [first: "[1]", first + 1: "{", 760: "[2]", 999: "[3]"]
            let failure = #expect(throws: RowFailure.self) { try Self.share(wrong: wrong, threads: threads) }
            #expect(failure?.line == first)
            #expect(failure?.description.contains("rows.jsonl:\(first): the row is a list") == true)
        }
    }

    @Test("progress counts the rows of the file up to the last")
    func progress() throws {
        var counts: [Int] = []
        _ = try Self.share(threads: 1) { counts.append($0) }
        #expect(counts.last == 1000 && counts == counts.sorted() && counts.count > 10)
    }

    @Test("a file that isn't there is a failure before its first line")
    func missing() throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer())
        let failure = #expect(throws: RowFailure.self) { try encoder.encodeShare(of: "/nowhere.jsonl", threads: 2) }
        #expect(failure?.line == 0)
    }
}
