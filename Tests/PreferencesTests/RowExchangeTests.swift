import Foundation
import Preferences
import Storage
import Testing
import Tokenization

/// Ranks encode their shares and exchange them as words.
@Suite("Encoded rows between ranks") struct RowExchangeTests {
    /// Rows of every kind and fate, among blank lines.
    static let file = """
        {"prompt": "The sky is", "chosen": " blue", "rejected": " black", "id": 1, "source": "skies", "scores_chosen": {"é": 0.5}, \
        "scores_rejected": {"é": -1}}

        {"prompt": "Name a fr", "chosen": "uit.", "rejected": "esh pear.", "scores_chosen": {"é": 1e-9}, \
        "scores_rejected": {"é": 3}, "größe": 2}
        \u{20}\t
        {"prompt": "Name a", "responses": [" tea", " pear", ""], "pairs": [[0, 1], [0, 2]], "scores": {"é": [1, 2, 3]}}
        {"prompt": "A", "chosen": "", "rejected": " b", "scores_chosen": {"é": 0}, "scores_rejected": {"é": 0}}
        {"prompt_ids": [5], "chosen_ids": [6], "rejected_ids": [7], "scores_chosen": {"é": 0}, \
        "scores_rejected": {"é": 0}}
        """

    /// A file of many such rows behind a byte-order mark, encoded by so many ranks.
    static func shares(_ worldSize: Int) throws -> [EncodedRows] {
        let path = FileManager.default.temporaryDirectory.appending(path: "rows-\(UUID().uuidString).jsonl").path
        let text = "\u{FEFF}" + Array(repeating: file, count: 23).joined(separator: "\r\n")
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let encoder = RowFixture.encoder(try RowFixture.tokenizer(), scoreNames: ["é"])
        return try (0..<worldSize).map { try encoder.encodeShare(of: path, rank: $0, of: worldSize) }
    }

    @Test("any number of ranks, in any order, gives the same set", arguments: [1, 2, 3, 5, 40])
    func ranks(worldSize: Int) throws {
        let whole = try PreferenceSet(merging: Self.shares(1))
        let shares = try Self.shares(worldSize)
        #expect(shares.reduce(0) { $0 + $1.count } == 115)
        let merged = try PreferenceSet(merging: shares)
        #expect(merged == whole)
        #expect(try PreferenceSet(merging: shares.reversed()) == whole)
        #expect(try PreferenceSet(merging: shares.map { EncodedRows(words: $0.words) }) == whole)
        #expect(merged.digest() == whole.digest())
        #expect(merged.rows == 115 && merged.comparisons.count == 92 && merged.drops.count == 23)
        #expect(merged.skips.count == 23)
        #expect(merged.comparisons[4].line == 8, "blank lines count as lines, not as rows")
        #expect(merged.comparisons[4].row == 5)
        #expect(merged.unusedColumns == ["größe", "id"])
        #expect(merged.formats.map(\.rows) == [23, 23, 69])
        #expect(merged.sources.names == ["skies"] && merged.sources[4] == "skies" && merged.sources[5] == nil)
    }

    @Test("ranks have even shares of a short file")
    func balance() throws {
        #expect(try Self.shares(5).map(\.count) == [24, 24, 24, 24, 19])
    }

    @Test("the set's indices fit together")
    func indices() throws {
        let set = try PreferenceSet(merging: Self.shares(3))
        var next = (token: 0, response: 0, pair: 0)
        for (index, comparison) in set.comparisons.enumerated() {
            #expect(comparison.prompt.lowerBound == next.token && !comparison.prompt.isEmpty)
            next.token = comparison.prompt.upperBound
            #expect(comparison.responses.lowerBound == next.response)
            for response in set.responses[comparison.responses] {
                #expect(response.comparison == index && response.length > 0)
                #expect(response.tokens.lowerBound == next.token)
                next.token = response.tokens.upperBound
            }
            next.response = comparison.responses.upperBound
            #expect(comparison.judgements.lowerBound == next.pair)
            for pair in Array(set.judgements[comparison.judgements]).pairs {
                #expect(comparison.responses.contains(pair.chosen) && comparison.responses.contains(pair.rejected))
            }
            next.pair = comparison.judgements.upperBound
        }
        #expect(next == (set.tokens.count, set.responses.count, set.pairs.count))
        #expect(set.scores["é"]?.count == set.responses.count)
    }

    @Test(
        "packed token ids are the same ids in half of the bytes, or all of them for a large vocabulary",
        arguments: [7, 70_000])
    func packing(last: Int) throws {
        let set = try RowFixture.encoder(vocabularySize: 100_000).set([
            """
            {"prompt_ids": [1, 2], "chosen_ids": [3, \(last)], "rejected_ids": [65535]}
            """
        ])
        #expect(set.tokens.count == 5 && set.tokens.packedBytes == (last < 65536 ? 10 : 20))
        let memory = UnsafeMutableRawPointer.allocate(byteCount: set.tokens.packedBytes, alignment: 8)
        defer { memory.deallocate() }
        var (own, written, read) = (set, set, set)
        own.packTokens()
        written.packTokens(into: memory)
        read.packTokens(into: memory, writing: false)
        for packed in [own, written, read] {
            #expect(packed == set && packed.digest() == set.digest())
            #expect(Array(packed.tokens[packed.responses[0].tokens]) == [3, Int32(last)])
        }
        #expect(!own.tokens.isShared && read.tokens.isShared)
    }

    @Test("digests tell what changed")
    func digests() throws {
        let encoder = RowFixture.encoder(scoreNames: ["a"])
        func set(_ chosen: Int, score: Double) throws -> PreferenceSet {
            try encoder.set([
                """
                {"prompt_ids": [1], "chosen_ids": [\(chosen)], "rejected_ids": [3], "scores_chosen": {"a": \(score)}, \
                "scores_rejected": {"a": 0}}
                """
            ])
        }
        let first = try set(2, score: 1)
        let rescored = try set(2, score: 2)
        let reworded = try set(4, score: 1)
        #expect(first.digest() == (try set(2, score: 1)).digest())
        #expect(first.digest() != rescored.digest())
        #expect(first.digest() != reworded.digest())
    }

    @Test("shares that don't fit together are refused")
    func foreign() throws {
        func complaint(_ shares: [EncodedRows]) -> String {
            do throws(PreferenceError) { return "no error: \(try PreferenceSet(merging: shares).rows)" } catch {
                return error.description
            }
        }
        let shares = try Self.shares(2)
        let remedy = "; all ranks must run the same program on the same file: start again"
        #expect(
            complaint([shares[0]])
                == "the encoded rows of the ranks don't fit together: row 8 is missing" + remedy)
        #expect(
            complaint(shares + [shares[1]])
                == "the encoded rows of the ranks don't fit together: row 8 is there twice" + remedy)
        #expect(
            complaint([shares[0], EncodedRows(scoreNames: [])]) == """
                the encoded rows of the ranks don't fit together: scores ["é"] in one share, [] in another
                """ + remedy)
    }
}
