import Preferences
import Storage
import Testing
import Tokenization

/// Ids against the `tokenizers` library: `Fixtures/make_row_goldens.py`.
@Suite("Golden rows") struct RowGoldenTests {
    struct Cut: Equatable, CustomStringConvertible {
        let prompt: [Int32]
        let response: [Int32]
        let straddles: Bool
        var description: String { "\(prompt) | \(response)\(straddles ? " straddling" : "")" }
    }

    @Test(
        "each response has the ids and the boundary of the reference library",
        arguments: ["row-tokenizer", "row-tokenizer-plain", "row-tokenizer-ended"])
    func ids(name: String) throws {
        let tokenizer = try RowFixture.tokenizer(name)
        let encoder = RowFixture.encoder(tokenizer, vocabularySize: tokenizer.vocabularySize)
        var reader = try LineReader(path: RowFixture.folder + "/row-goldens.jsonl")
        var compared = 0
        while let line = try reader.next() {
            let golden = try JSON.parse(line)
            let row = try #require(golden["row"])
            let expected = try #require(golden["expected"]?[name]?.array).map { cut in
                Cut(
                    prompt: try Self.ids(cut["prompt"]), response: try Self.ids(cut["response"]),
                    straddles: cut["straddles"] == true)
            }
            let comparison = try #require(try encoder.comparison(row.text))
            let actual = comparison.responses.map { response in
                Cut(
                    prompt: comparison.prompt + response.tokens[..<response.spans.head],
                    response: Array(response.tokens[response.spans.head...]), straddles: response.straddles)
            }
            #expect(actual == expected, "\(row.text)")
            compared += 1
        }
        #expect(compared >= 9)
    }

    @Test("what a straddling response takes from the prompt is unscored in the others")
    func unscored() throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer())
        let set = try encoder.set([#"{"prompt": "Name a fr", "chosen": "uit.", "rejected": "esh pear."}"#])
        // " fruit" is one token, so only "Name a" is shared; " f", "r" precede the other response without a score.
        #expect(Array(set.tokens[set.comparisons[0].prompt]) == [0, 344, 352, 263])
        #expect(set.responses.map(\.spans.head) == [0, 2])
        #expect(set.responses.map(\.length) == [3, 5])
        #expect(Array(set.tokens[set.responses[1].tokens]) == [286, 83, 268, 73, 406, 15, 1])
        #expect(set.scoredTokens(of: set.responses[1]) == [268, 73, 406, 15, 1])
        #expect(set.straddling == 1)
    }

    private static func ids(_ list: JSON?) throws -> [Int32] {
        try #require(list?.array).map { Int32(try #require($0.integer)) }
    }
}
