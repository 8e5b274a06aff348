import Preferences
import Storage
import Testing
import Tokenization

@Suite("Kinds of rows") struct RowFormatTests {
    let encoder: RowEncoder
    let tokenizer: Tokenizer

    init() throws {
        tokenizer = try RowFixture.tokenizer()
        encoder = RowFixture.encoder(tokenizer)
    }

    func ids(_ text: String) -> [Int32] { (try? tokenizer.encode(text, addSpecialTokens: false).ids) ?? [] }

    @Test("the margin of a pair is read where a reward model is trained, and is zero where a row has none")
    func margin() throws {
        var rule = encoder.rule
        rule.scoreNames = [RowMapping.margin]
        rule.readsMargin = true
        let reading = RowEncoder(tokenizer: tokenizer, rule: rule, file: "a.jsonl")
        for (column, margin) in [(#", "margin": 0.75"#, Float(0.75)), (#", "margin": null"#, 0), ("", 0)] {
            let row = #"{"prompt": "The sky is", "chosen": " blue", "rejected": " black"\#(column)}"#
            #expect(try reading.comparison(row)?.responses.map(\.scores) == [[margin], [0]])
        }
    }

    @Test("docs/data.md names the columns by which each format is known")
    func documented() throws {
        let root = (0..<3).reduce(#filePath) { path, _ in FileSystem.parent(of: path) }
        let page = String(decoding: try FileSystem.read("\(root)/docs/data.md"), as: UTF8.self)
        for format in RowFormat.all {
            // "pairs or scores" is no column's name.
            for column in format.columns.joined() where !column.contains(" ") {
                #expect(page.contains("`\(column)`"), "\(format.noun): \(column)")
            }
        }
    }

    @Test("a text row is a prompt and two responses, each with its ending")
    func text() throws {
        let row = try encoder.row(#"{"id": 3, "prompt": "The sky is", "chosen": " blue", "rejected": " black"}"#)
        #expect(row.format == .text)
        #expect(row.unusedColumns == ["id"])
        let comparison = try #require(
            try encoder.comparison(
                #"{"prompt": "The sky is", "chosen": " blue", "rejected": " black"}"#))
        #expect(comparison.prompt == [0] + ids("The sky is"))
        #expect(comparison.responses.map(\.tokens) == [ids(" blue") + [1], ids(" black") + [1]])
        #expect(comparison.pairs == [.init(chosen: 0, rejected: 1)])
    }

    @Test("columns can have other names, and a prompt column that is named must be there")
    func mapping() throws {
        let mapping = RowMapping(promptColumn: "question", chosenColumn: "good", rejectedColumn: "bad")
        let encoder = RowFixture.encoder(tokenizer, mapping: mapping)
        let row = #"{"question": "The sky is", "good": " blue", "bad": " black"}"#
        #expect(try encoder.comparison(row)?.prompt == [0] + ids("The sky is"))
        #expect(
            encoder.complaint(#"{"good": " blue", "bad": " black"}"#) == """
                rows.jsonl:7: "question" is missing; the row has "good", "bad"; name its column with prompt_column
                """)
    }

    @Test("the prompt of a transcript ends with the last Assistant of chosen")
    func transcript() throws {
        let prompt = #"\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Name a fruit.\n\nAssistant:"#
        let row = try encoder.row(#"{"chosen": "\#(prompt) An apple", "rejected": "\#(prompt) pear"}"#)
        #expect(row.format == .transcript)
        guard case .comparison(let comparison) = row.outcome else {
            Issue.record("dropped")
            return
        }
        let text = "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Name a fruit.\n\nAssistant:"
        #expect(comparison.prompt == [0] + ids(text))
        #expect(comparison.responses[0].tokens == ids(" An apple") + [1])
    }

    @Test("transcripts that answer different prompts are dropped, also when one has no answer at all")
    func differingPrompts() throws {
        #expect(
            try encoder.reason(
                #"""
                {"chosen": "\n\nHuman: A\n\nAssistant: b", "rejected": "\n\nHuman: C\n\nAssistant: d"}
                """#) == .promptsDiffer)
        #expect(
            try encoder.reason(
                #"""
                {"chosen": "\n\nHuman: A\n\nAssistant: b", "rejected": "\n\nHuman: A"}
                """#) == .promptsDiffer)
        #expect(
            try encoder.reason(
                #"""
                {"chosen": "\n\nHuman: A", "rejected": "\n\nHuman: A\n\nAssistant: b"}
                """#) == .promptsDiffer)
        // Canonically equivalent, yet other bytes: "é" in one and in two scalars.
        #expect(
            try encoder.reason(
                #"""
                {"chosen": "caf\u00e9\n\nAssistant: b", "rejected": "cafe\u0301\n\nAssistant: d"}
                """#) == .promptsDiffer)
    }

    @Test(
        "without an Assistant the prompt is the common beginning, up to a space",
        arguments: [
            ("Two and two is four", "Two and two is five", "Two and two is"),
            ("Answer: the fruit", "Answer: the frog", "Answer: the"),
            ("The sky", "The sky is blue", "The"),
            ("One \n two", "One \n three", "One"),
            ("é à b", "é à c", "é à"),
        ])
    func commonPrefix(chosen: String, rejected: String, prompt: String) throws {
        let row = try encoder.row(#"{"chosen": "\#(chosen.escaped)", "rejected": "\#(rejected.escaped)"}"#)
        #expect(row.format == .commonPrefix)
        guard case .comparison(let comparison) = row.outcome else {
            Issue.record("dropped")
            return
        }
        #expect(comparison.prompt == [0] + ids(prompt))
        #expect(comparison.responses[0].tokens == ids(String(chosen.dropFirst(prompt.count))) + [1])
    }

    @Test("token ids are used as they are, without a tokenizer")
    func tokenIDs() throws {
        let encoder = RowFixture.encoder()
        let row = try encoder.row(
            #"{"prompt_ids": [5, 6], "chosen_ids": [7], "rejected_ids": [8, 9.0], "prompt": "x"}"#)
        #expect(row.format == .tokenIDs)
        #expect(row.unusedColumns == ["prompt"])
        guard case .comparison(let comparison) = row.outcome else {
            Issue.record("dropped")
            return
        }
        #expect(comparison.prompt == [5, 6])
        #expect(comparison.responses.map(\.tokens) == [[7], [8, 9]])
        #expect(try encoder.reason(#"{"prompt_ids": [], "chosen_ids": [7], "rejected_ids": [8]}"#) == .emptyPrompt)
        #expect(try encoder.reason(#"{"prompt_ids": [1], "chosen_ids": [7], "rejected_ids": []}"#) == .emptyResponse)
    }

    @Test(
        "ranked rows hold each response once, whatever the number of pairs",
        arguments: ["pairs", "preference_pairs_winner_loser"])
    func ranked(column: String) throws {
        let row = try encoder.row(
            """
            {"prompt": "Name a", "responses": [" fruit", " pear", " tea", " whale"], "\(column)": [[2, 0], [0, 1]]}
            """)
        #expect(row.format == .ranked)
        guard case .comparison(let comparison) = row.outcome else {
            Issue.record("dropped")
            return
        }
        // " whale" is in no pair, so it isn't kept.
        #expect(comparison.responses.map(\.tokens) == [" fruit", " pear", " tea"].map { ids($0) + [1] })
        #expect(comparison.pairs == [.init(chosen: 2, rejected: 0), .init(chosen: 0, rejected: 1)])
    }

    @Test("a list of scores makes a pair of every two responses that differ in it")
    func rankedByScores() throws {
        let comparison = try #require(
            try encoder.comparison(
                """
                {"prompt": "Name a", "responses": [" fruit", " pear", " tea"], "scores": [1, 2.5, 1]}
                """))
        #expect(comparison.pairs == [.init(chosen: 1, rejected: 0), .init(chosen: 1, rejected: 2)])
        #expect(try encoder.reason(#"{"prompt": "A", "responses": [" b", " c"], "scores": [1, 1]}"#) == .noPairs)
        #expect(try encoder.reason(#"{"prompt": "A", "responses": [" b", " c"], "pairs": []}"#) == .noPairs)
        #expect(try encoder.reason(#"{"prompt": "A", "responses": [], "scores": []}"#) == .noPairs)
    }

    @Test("a response that a row gives twice is kept once, and not compared with itself")
    func rankedDuplicates() throws {
        let comparison = try #require(
            try encoder.comparison(
                """
                {"prompt": "Name a", "responses": [" tea", " pear", " tea"], "pairs": [[0, 1], [2, 1], [0, 2]]}
                """))
        #expect(comparison.responses.count == 2)
        #expect(comparison.pairs == [.init(chosen: 0, rejected: 1), .init(chosen: 0, rejected: 1)])
        #expect(comparison.skipped == [.identicalResponses])
    }

    @Test("the same response with two scores stays two responses")
    func rankedDuplicatesWithScores() throws {
        let comparison = try #require(
            try RowFixture.encoder(tokenizer, scoreNames: ["a"]).comparison(
                """
                {"prompt": "Name a", "responses": [" tea", " pear", " tea", " tea"], "pairs": [[0, 1], [2, 1], [3, 1]], \
                "scores": {"a": [1, 2, 3, 1]}}
                """))
        #expect(comparison.responses.map(\.scores) == [[1], [2], [3]])
        #expect(comparison.pairs.map(\.chosen) == [0, 2, 0])
    }

    @Test("sft reads the chosen responses only, of every kind of row")
    func chosenOnly() throws {
        let encoder = RowFixture.encoder(tokenizer, judges: .demonstrations)
        let alone = try #require(try encoder.comparison(#"{"prompt": "The sky is", "chosen": " blue"}"#))
        #expect(alone.judgements == [.demonstration(0)])
        let row = try encoder.row(#"{"prompt": "The sky is", "chosen": " blue", "rejected": " black"}"#)
        #expect(row.outcome == .comparison(alone))
        #expect(row.unusedColumns == ["rejected"])
        #expect(try encoder.comparison(#"{"chosen": "\n\nHuman: A\n\nAssistant: b"}"#)?.judgements.count == 1)
        #expect(try encoder.comparison(#"{"prompt_ids": [1], "chosen_ids": [2]}"#)?.responses.count == 1)
        // Each winner once, however many it beat.
        let ranked = try #require(
            try encoder.comparison(
                """
                {"prompt": "Name a", "responses": [" fruit", " pear", " tea"], "pairs": [[2, 0], [2, 1], [1, 0]]}
                """))
        #expect(ranked.responses.map(\.tokens) == [ids(" pear") + [1], ids(" tea") + [1]])
        #expect(ranked.judgements == [.demonstration(0), .demonstration(1)])
        #expect(
            encoder.complaint(#"{"chosen": "Two"}"#) == """
                rows.jsonl:7: "prompt" is missing; the row has "chosen"; \
                add the prompt or name its column with prompt_column
                """)
    }

    @Test("margin rewards come from the columns of scores, one value for each response")
    func scores() throws {
        let encoder = RowFixture.encoder(tokenizer, scoreNames: ["brevity", "help"])
        let set = try encoder.set([
            """
            {"prompt": "A", "chosen": " b", "rejected": " c", "scores_chosen": {"help": 1, "brevity": -2.5},
             "scores_rejected": {"brevity": 4, "help": 0, "more": 1}}
            """.replacing("\n", with: " "),
            """
            {"prompt": "A", "responses": [" d", " e", " f"], "pairs": [[2, 1]],
             "scores": {"help": [1, 2, 3], "brevity": [4, 5, 6]}}
            """.replacing("\n", with: " "),
        ])
        #expect(set.scores == ["brevity": [-2.5, 4, 5, 6], "help": [1, 0, 2, 3]])
        #expect(set.pairs[1].chosen == 3 && set.pairs[1].rejected == 2)
    }

    @Test("a null column makes no format")
    func null() throws {
        let row = try encoder.row(#"{"chosen": "A b", "rejected": "A c", "responses": null}"#)
        #expect(row.format == .commonPrefix)
        #expect(row.unusedColumns == [])
    }
}

extension String {
    fileprivate var escaped: String { replacing("\n", with: "\\n") }
}
