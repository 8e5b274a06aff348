import Preferences
import Testing
import Tokenization

@Suite("Endings, truncation and dirty rows") struct RowLengthTests {
    static let row = #"{"prompt_ids": [1, 2, 3, 4], "chosen_ids": [5, 6, 7], "rejected_ids": [8, 9]}"#

    @Test("a row of just max_length tokens is kept by every truncation", arguments: Truncation.allCases)
    func exact(truncation: Truncation) throws {
        let encoder = RowFixture.encoder(maxLength: 7, truncation: truncation)
        let comparison = try #require(try encoder.comparison(Self.row))
        #expect(comparison.prompt == [1, 2, 3, 4])
        #expect(comparison.responses.map(\.tokens) == [[5, 6, 7], [8, 9]])
        #expect(comparison.responses.allSatisfy { !$0.isCut } && comparison.promptCut == 0)
    }

    @Test("drop drops a row whose longer response doesn't fit")
    func drop() throws {
        #expect(try RowFixture.encoder(maxLength: 6).reason(Self.row) == .tooLong)
    }

    @Test("error names the line, the length and the limit")
    func error() {
        #expect(
            RowFixture.encoder(maxLength: 6, truncation: .error).complaint(Self.row) == """
                rows.jsonl:7: prompt and response have 7 tokens; max_length is 6: \
                raise it, shorten the row, or set truncation to drop, keep_start or keep_end_of_prompt
                """)
    }

    @Test("keep_start cuts the ends of the responses that are too long, and only those")
    func keepStart() throws {
        let comparison = try #require(
            try RowFixture.encoder(maxLength: 6, truncation: .keepStart).comparison(Self.row))
        #expect(comparison.prompt == [1, 2, 3, 4])
        #expect(comparison.responses.map(\.tokens) == [[5, 6], [8, 9]])
        #expect(comparison.responses.map(\.isCut) == [true, false])
        #expect(try RowFixture.encoder(maxLength: 4, truncation: .keepStart).reason(Self.row) == .tooLong)
    }

    @Test("responses that are the same once cut are dropped as identical")
    func identicalAfterCut() throws {
        let row = #"{"prompt_ids": [1, 2], "chosen_ids": [5, 6], "rejected_ids": [5, 7]}"#
        #expect(try RowFixture.encoder(maxLength: 3, truncation: .keepStart).reason(row) == .identicalResponses)
    }

    @Test("keep_end_of_prompt cuts the prompt's start, then the responses' ends")
    func keepEndOfPrompt() throws {
        let two = try #require(
            try RowFixture.encoder(maxLength: 5, truncation: .keepEndOfPrompt).comparison(Self.row))
        #expect(two.prompt == [3, 4])
        #expect(two.promptCut == 2)
        #expect(two.responses.map(\.tokens) == [[5, 6, 7], [8, 9]])
        let one = try #require(
            try RowFixture.encoder(maxLength: 3, truncation: .keepEndOfPrompt).comparison(Self.row))
        #expect(one.prompt == [4])
        #expect(one.responses.map(\.tokens) == [[5, 6], [8, 9]])
        #expect(one.responses.map(\.isCut) == [true, false])
    }

    @Test("keep_end_of_prompt keeps the beginning-of-sequence token")
    func beginningStays() throws {
        let tokenizer = try RowFixture.tokenizer()
        let row = #"{"prompt": "Name a large sea animal, as", "chosen": " whale", "rejected": " pear"}"#
        let whole = try #require(try RowFixture.encoder(tokenizer).comparison(row))
        let length = whole.prompt.count + whole.responses.map(\.tokens.count).max()!
        let cut = try #require(
            try RowFixture.encoder(tokenizer, maxLength: length - 3, truncation: .keepEndOfPrompt).comparison(row))
        #expect(cut.prompt == [0] + whole.prompt.dropFirst(4))
        #expect(cut.responses == whole.responses)
        let least = try #require(
            try RowFixture.encoder(tokenizer, maxLength: 2, truncation: .keepEndOfPrompt).comparison(row))
        #expect(least.prompt == [0])
        #expect(least.responses.map(\.tokens) == whole.responses.map { [$0.tokens[0]] })
    }

    @Test("an ending is appended once, never to a cut response, and not when unwanted")
    func ending() throws {
        let row = #"{"prompt": "The sky is", "chosen": " blue", "rejected": " black</s>"}"#
        let tokenizer = try RowFixture.tokenizer()
        let ended = try #require(try RowFixture.encoder(tokenizer).comparison(row))
        #expect(ended.responses.map { $0.tokens.count { $0 == 1 } } == [1, 1])
        #expect(ended.responses.map(\.tokens.last) == [1, 1])
        let bare = try #require(try RowFixture.encoder(tokenizer, appendEOS: false).comparison(row))
        #expect(bare.responses[0].tokens == ended.responses[0].tokens.dropLast())
        #expect(bare.responses[1].tokens == ended.responses[1].tokens)
        let length = ended.prompt.count + ended.responses[0].tokens.count - 1
        let cut = try #require(
            try RowFixture.encoder(tokenizer, maxLength: length, truncation: .keepStart).comparison(row))
        #expect(cut.responses[0].tokens == bare.responses[0].tokens)
        #expect(cut.responses[0].isCut)
        // A post-processor's ending is the same ending.
        let other = try #require(
            try RowFixture.encoder(try RowFixture.tokenizer("row-tokenizer-ended")).comparison(row))
        #expect(other == ended)
    }

    @Test("a beginning that the text already has isn't added again")
    func beginning() throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer())
        let written = try encoder.comparison(#"{"prompt": "<s>The sky is", "chosen": " blue", "rejected": " a"}"#)
        let added = try encoder.comparison(#"{"prompt": "The sky is", "chosen": " blue", "rejected": " a"}"#)
        #expect(written == added)
    }

    @Test("an empty prompt is dropped, with and without a beginning-of-sequence token")
    func emptyPrompt() throws {
        let row = #"{"prompt": "", "chosen": "blue", "rejected": "black"}"#
        #expect(try RowFixture.encoder(try RowFixture.tokenizer()).reason(row) == .emptyPrompt)
        #expect(try RowFixture.encoder(try RowFixture.tokenizer("row-tokenizer-plain")).reason(row) == .emptyPrompt)
    }

    @Test("empty and blank responses are dropped", arguments: ["", " ", #"\n\t"#, #"\u00a0"#])
    func emptyResponse(response: String) throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer())
        #expect(try encoder.reason(#"{"prompt": "A", "chosen": "\#(response)", "rejected": " b"}"#) == .emptyResponse)
        #expect(try encoder.reason(#"{"prompt": "A", "chosen": " b", "rejected": "\#(response)"}"#) == .emptyResponse)
    }

    @Test("identical responses are dropped")
    func identical() throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer())
        #expect(try encoder.reason(#"{"prompt": "A", "chosen": " b", "rejected": " b"}"#) == .identicalResponses)
        #expect(try encoder.reason(#"{"chosen": "A b", "rejected": "A b"}"#) == .identicalResponses)
    }

    @Test("a ranked row loses the pairs that can't be used and keeps the others")
    func rankedSkips() throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer(), maxLength: 12)
        let long = String(repeating: " whale", count: 12)
        let comparison = try #require(
            try encoder.comparison(
                """
                {"prompt": "Name a", "responses": [" tea", " pear", "", "\(long)"],
                 "pairs": [[0, 2], [0, 1], [3, 0], [1, 3]]}
                """.replacing("\n", with: " ")))
        #expect(comparison.pairs == [.init(chosen: 0, rejected: 1)])
        #expect(comparison.skipped == [.emptyResponse, .tooLong, .tooLong])
        #expect(comparison.responses.count == 2)
        #expect(
            try encoder.reason(
                """
                {"prompt": "Name a", "responses": [" tea", "", "\(long)"], "pairs": [[2, 0], [0, 1]]}
                """) == .emptyResponse)
    }
}
