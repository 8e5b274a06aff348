import Objectives
import Preferences
import Testing

/// Formats of well-known data sets and trainers, in rows of our own with their columns.
@Suite("Rows as published") struct RowPublishedTests {
    func encoder(_ scoreNames: [String] = [], judges: Judged? = .pairs) throws -> RowEncoder {
        RowFixture.encoder(try RowFixture.tokenizer(), judges: judges, scoreNames: scoreNames)
    }

    static let turns = #"[{"role": "user", "content": "P"}, {"role": "assistant", "content": "a"}]"#
    static let otherTurns = #"[{"role": "user", "content": "P"}, {"role": "assistant", "content": "b"}]"#

    @Test(
        "each format finds its prompt, the better response and the worse one",
        arguments: [
            (
                RowFormat.nectar,
                #"""
                {"prompt": "P:", "answers": [{"answer": "b", "model": "m", "rank": 2.0}, {"answer": "a", "model": "n", "rank": 1.0}],
                 "turns": 1, "num_responses": 2, "source": ["x"], "good_natured": true}
                """#, "P:", "a", "b"
            ),
            (
                .ultraFeedback,
                #"""
                {"source": "x", "instruction": "P", "models": ["m", "n"], "completions": [
                 {"model": "m", "response": "b", "overall_score": 2.0, "fine-grained_score": 4.5, "annotations": {}},
                 {"model": "n", "response": "a", "overall_score": 8.0, "fine-grained_score": 1.5, "annotations": {}}]}
                """#, "P", "a", "b"
            ),
            (
                .ratedInstruction,
                #"{"source": "x", "instruction": "P", "chosen_response": "a", "rejected_response": "b", "chosen_avg_rating": 5}"#,
                "P", "a", "b"
            ),
            (
                .arenaConversations,
                #"""
                {"model_a": "m", "model_b": "n", "winner": "model_b", "conversation_a": \#(otherTurns),
                 "conversation_b": \#(turns), "turn": 1, "language": "English"}
                """#, "user: P", "assistant: a", "assistant: b"
            ),
            (
                .arenaVotes,
                #"""
                {"id": 1, "model_a": "m", "model_b": "n", "prompt": "[\"P\"]", "response_a": "[\"a\"]", "response_b": "[\"b\"]",
                 "winner_model_a": 1, "winner_model_b": 0, "winner_tie": 0}
                """#, "user: P", "assistant: a", "assistant: b"
            ),
            (
                .webGPT,
                #"""
                {"question": {"dataset": "d", "id": "i", "full_text": "P"}, "quotes_0": {}, "answer_0": "b", "score_0": -0.5,
                 "quotes_1": {}, "answer_1": "a", "score_1": 0.5}
                """#, "P", "a", "b"
            ),
            (
                .summaries,
                #"""
                {"info": {"id": "i", "post": "Long.", "title": "T", "subreddit": "s", "article": null}, "choice": 1,
                 "summaries": [{"text": " b", "policy": "p", "note": null}, {"text": " a", "policy": "q", "note": null}]}
                """#, "SUBREDDIT: r/s\n\nTITLE: T\n\nPOST: Long.\n\nTL;DR:", " a", " b"
            ),
            (
                .summaries,
                #"""
                {"info": {"id": "i", "post": null, "title": "T", "article": "News."}, "choice": 0,
                 "summaries": [{"text": "a"}, {"text": "b"}]}
                """#, "Article:\nNews.\n\nTL;DR:\n", "a", "b"
            ),
            (.outputPair, #"{"instruction": "P", "input": "i", "output": ["a", "b"]}"#, "P\ni", "a", "b"),
            (
                .rejectedResponse, #"{"messages": \#(turns), "rejected_response": "b"}"#, "user: P", "assistant: a",
                "assistant: b"
            ),
            (
                .rejectedResponse, #"{"messages": \#(turns), "rejected_messages": \#(otherTurns)}"#, "user: P",
                "assistant: a", "assistant: b"
            ),
            (.rejectedResponse, #"{"query": "P", "response": "a", "rejected_response": "b"}"#, "P", "a", "b"),
            (
                .preferredOutput,
                #"""
                {"input": {"messages": [{"role": "user", "content": "P"}], "tools": [], "parallel_tool_calls": true},
                 "preferred_output": [{"role": "assistant", "content": "a"}],
                 "non_preferred_output": [{"role": "assistant", "content": "b"}]}
                """#, "user: P", "assistant: a", "assistant: b"
            ),
        ])
    func pairs(format: RowFormat, row: String, prompt: String, chosen: String, rejected: String) throws {
        let pair = try #require(try encoder().pair(row.replacing("\n", with: " ")))
        #expect(pair.format == format)
        #expect(pair.prompt == prompt && pair.chosen == chosen && pair.rejected == rejected)
    }

    @Test(
        "rows without a preference are dropped, saying so",
        arguments: [
            #"{"conversation_a": \#(turns), "conversation_b": \#(otherTurns), "winner": "tie (bothbad)"}"#,
            #"{"conversation_a": \#(turns), "conversation_b": \#(otherTurns), "winner": null}"#,
            #"""
            {"prompt": "[\"P\"]", "response_a": "[\"a\"]", "response_b": "[null]", "winner_model_a": 0, "winner_model_b": 0}
            """#,
            #"{"question": {"full_text": "P"}, "answer_0": "a", "answer_1": "b", "score_0": 0, "score_1": 0}"#,
        ])
    func ties(row: String) throws {
        #expect(try encoder().reason(row) == .noPreference)
    }

    @Test("Nectar's and UltraFeedback's numbers are margin rewards; N/A is none")
    func rewards() throws {
        let nectar = #"{"prompt": "P:", "answers": [{"answer": "a", "rank": 1}, {"answer": "b", "rank": 3}]}"#
        #expect(try encoder(["rank"]).comparison(nectar)?.responses.map(\.scores) == [[-1], [-3]])
        func row(_ rating: String) -> String {
            #"""
            {"instruction": "P", "completions": [
             {"response": "a", "overall_score": 8, "fine-grained_score": 4, "annotations": {"honesty": {"Rating": "5"}}},
             {"response": "b", "overall_score": 2, "fine-grained_score": 1, "annotations": {"honesty": {"Rating": "\#(rating)"}}}]}
            """#.replacing("\n", with: " ")
        }
        let names = ["overall_score", "fine-grained_score", "honesty"]
        #expect(try encoder(names).comparison(row("3"))?.responses.map(\.scores) == [[8, 4, 5], [2, 1, 3]])
        #expect(try encoder(names).reason(row("N/A")) == .missingScore)
        let rated = #"""
            {"prompt": "P", "chosen": "a", "rejected": "b", "chosen-rating": 4.5, "rejected-rating": 2}
            """#
        #expect(try encoder(["rating"]).comparison(rated)?.responses.map(\.scores) == [[4.5], [2]])
    }

    @Test("an arena winner that isn't known, or turns that don't match, are errors")
    func malformed() throws {
        #expect(
            try encoder().complaint(#"{"conversation_a": [], "conversation_b": [], "winner": "model_c"}"#) == """
                rows.jsonl:7: "winner" is "model_c"; expected model_a, model_b, tie, tie (bothbad) or both_bad
                """)
        let row = #"""
            {"prompt": "[\"P\", \"Q\"]", "response_a": "[\"a\"]", "response_b": "[\"b\", \"c\"]", "winner_model_a": 1, \#
            "winner_model_b": 0}
            """#
        #expect(
            try encoder().complaint(row)
                == #"rows.jsonl:7: "response_a" is a list of 1 answers; expected 2, one for each turn of "prompt""#)
    }

    // MARK: - Single responses

    static let labelled = [
        (#"{"prompt": "P", "completion": "a", "label": true}"#, RowFormat.labelled, "P", "a", true),
        (#"{"prompt": "P", "completion": "a", "label": 0}"#, .labelled, "P", "a", false),
        (
            #"{"prompt": [{"role": "user", "content": "P"}], "completion": [{"role": "assistant", "content": "a"}], "label": false}"#,
            .labelled, "user: P", "assistant: a", false
        ),
        (
            #"{"instruction": "P", "input": "i", "output": "a", "kto_tag": true}"#, .labelledInstruction, "P\ni", "a",
            true
        ),
        (#"{"messages": \#(turns), "label": true}"#, .labelledDialogue, "user: P", "assistant: a", true),
        (
            #"{"conversations": [{"from": "human", "value": "P"}, {"from": "gpt", "value": "a"}], "kto_tag": false}"#,
            .labelledDialogue, "user: P", "assistant: a", false
        ),
    ]

    @Test("labelled responses keep their label", arguments: labelled)
    func labels(row: String, format: RowFormat, prompt: String, response: String, isDesirable: Bool) throws {
        let preview = try #require(try encoder(judges: .labelled).pair(row))
        #expect(preview.format == format && preview.prompt == prompt && preview.chosen == response)
        #expect(preview.isDesirable == isDesirable && preview.rejected == nil)
    }

    @Test("what rows say is turned into what the objective judges, or refused")
    func judgements() throws {
        func judgements(_ judges: Judged?, _ row: String) throws -> [Judgement]? {
            try encoder(judges: judges).comparison(row)?.judgements
        }
        let label = #"{"prompt": "P", "completion": "a", "label": true}"#
        #expect(try judgements(.labelled, label) == [.labelled(0, isDesirable: true)])
        #expect(try judgements(.demonstrations, label) == [.demonstration(0)])
        #expect(try judgements(nil, label) == [.labelled(0, isDesirable: true)])
        #expect(try encoder(judges: .demonstrations).reason(label.replacing("true", with: "false")) == .undesirable)
        #expect(try encoder(judges: .labelled).reason(label.replacing("true", with: "null")) == .noLabel)
        #expect(
            try encoder().complaint(label) == """
                rows.jsonl:7: labelled responses don't say which response is better, which this objective learns from; \
                give rows with chosen and rejected, or train with loss_type: kto (labels) or sft (single responses)
                """)
        let pair = #"{"prompt": "P", "chosen": "a", "rejected": "b"}"#
        #expect(
            try judgements(.labelled, pair) == [.labelled(0, isDesirable: true), .labelled(1, isDesirable: false)])
        #expect(try judgements(.lists, pair) == [.list([Preference(chosen: 0, rejected: 1)])])
        let ranked = #"{"prompt": "P", "responses": ["a", "b", "c", ""], "scores": [2, 1, 3, 4]}"#
        let order = [
            Preference(chosen: 0, rejected: 1), Preference(chosen: 2, rejected: 0), Preference(chosen: 2, rejected: 1),
        ]
        #expect(try judgements(.lists, ranked) == [.list(order)])
        #expect(try judgements(.pairs, ranked) == order.map { .pair($0) })
        // The middle one won and lost.
        let split = try #require(try encoder(judges: .labelled).comparison(ranked))
        #expect(split.judgements == [.labelled(0, isDesirable: false), .labelled(1, isDesirable: true)])
        #expect(split.responses.count == 2)
        #expect(
            try encoder(judges: .labelled).complaint(#"{"prompt": "P", "completion": "a"}"#) == """
                rows.jsonl:7: prompts with a completion have no label; add label, true or false, or train with loss_type: sft
                """)
    }

    @Test(
        "single responses for sft",
        arguments: [
            (#"{"prompt": "P", "completion": "a"}"#, RowFormat.completion, "P", "a"),
            (#"{"messages": \#(turns)}"#, .dialogue, "user: P", "assistant: a"),
            (#"{"instruction": "P", "input": "", "output": "a"}"#, .instructionOutput, "P", "a"),
            (#"{"query": "P", "response": "a", "system": ""}"#, .queryResponse, "P", "a"),
            (#"{"text": "All of it"}"#, .document, "", "All of it"),
        ])
    func demonstrations(row: String, format: RowFormat, prompt: String, response: String) throws {
        let preview = try #require(try encoder(judges: .demonstrations).pair(row))
        #expect(preview.format == format && preview.prompt == prompt && preview.chosen == response)
    }

    @Test("of a text everything is scored that something predicts")
    func document() throws {
        let tokenizer = try RowFixture.tokenizer()
        let ids = try tokenizer.encode("The sky is blue", addSpecialTokens: false).ids
        let row = #"{"text": "The sky is blue"}"#
        let begun = try #require(try encoder(judges: .demonstrations).comparison(row))
        #expect(begun.prompt == [0] && begun.responses[0].tokens == ids + [1])
        let plain = RowFixture.encoder(try RowFixture.tokenizer("row-tokenizer-plain"), judges: .demonstrations)
        let bare = try #require(try plain.comparison(row))
        #expect(bare.prompt == [ids[0]] && bare.responses[0].tokens == ids.dropFirst() + [1])
        #expect(try encoder(judges: .demonstrations).reason(#"{"text": " "}"#) == .emptyResponse)
    }

    @Test("a set of labelled responses says how many are desirable, and travels between ranks")
    func labelledSet() throws {
        let encoder = try encoder(judges: .labelled)
        let set = try encoder.set([
            #"{"prompt": "P", "completion": "a", "label": true}"#,
            #"{"prompt": "P", "completion": "b", "label": false}"#,
            #"{"prompt": "P", "completion": "c", "label": null}"#,
        ])
        #expect(set.judgements == [.labelled(0, isDesirable: true), .labelled(1, isDesirable: false)])
        #expect(
            PreferenceSummary(file: "f", set: set).lines[0] == """
                f: 3 rows, 2 labelled responses (1 desirable, 1 undesirable); dropped 1: 1 without a label (line 3)
                """)
        let lists = try RowFixture.encoder(try RowFixture.tokenizer(), judges: .lists).set([
            #"{"prompt": "P", "responses": ["a", "b", "c"], "scores": [2, 1, 3]}"#
        ])
        #expect(PreferenceSummary(file: "f", set: lists).lines[0] == "f: 1 row, 1 ranked list of 3 responses")
        #expect(set.digest() != lists.digest())
        let facts = PreferenceFacts(of: set)
        #expect(facts.chosenLengths.count == 1 && facts.rejectedLengths.count == 1 && facts.lengthDifferences.isEmpty)
    }
}
