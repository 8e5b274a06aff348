import Objectives
import Preferences
import Testing

/// Kinds of rows that people's files have and that mustn't be taken for something else.
@Suite("Rows as people have them") struct RowKindTests {
    let encoder: RowEncoder

    init() throws { encoder = RowFixture.encoder(try RowFixture.tokenizer()) }

    static let user = #"{"role": "user", "content": "P"}"#
    static func said(_ text: String) -> String { #"{"role": "assistant", "content": "\#(text)"}"# }

    // MARK: - Prompts under other names

    @Test(
        "a prompt under another name is read, behind the system message",
        arguments: [
            (
                #"{"system": "S", "question": "Is it?", "chosen": "The answer is yes", "rejected": "The answer is no"}"#,
                RowFormat.questionBeside, "system: S\nuser: Is it?", "assistant: The answer is yes"
            ),
            (#"{"input": "Is it?", "chosen": "It is", "rejected": "It isn't"}"#, .questionBeside, "Is it?", "It is"),
            (
                #"{"query": "", "input": "Is it?", "chosen": "It is", "rejected": "It isn't"}"#, .questionBeside,
                "Is it?", "It is"
            ),
            (
                #"{"messages": [\#(user)], "chosen": "The answer is yes", "rejected": "The answer is no"}"#,
                .messagesBeside, "user: P", "assistant: The answer is yes"
            ),
            (
                #"{"messages": [\#(user)], "chosen": \#(said("a")), "rejected": \#(said("b"))}"#, .messagesBeside,
                "user: P", "assistant: a"
            ),
            // The dialogue of the chosen answer.
            (
                #"{"messages": [\#(user), \#(said("a"))], "chosen": "a", "rejected": "b"}"#, .messagesBeside,
                "user: P", "assistant: a"
            ),
            (
                #"{"system": "S", "prompt": "P", "chosen": "a", "rejected": "b"}"#, .text, "system: S\nuser: P",
                "assistant: a"
            ),
            (
                #"{"prompt": "P", "history": [["q", "r"]], "chosen": "a", "rejected": "b"}"#, .text,
                "user: q\nassistant: r\nuser: P", "assistant: a"
            ),
            (
                #"{"prompt": "P", "history": [{"role": "user", "content": "q"}], "chosen": "a", "rejected": "b"}"#,
                .text, "user: q\nuser: P", "assistant: a"
            ),
            // What both dialogues begin with is their prompt whatever stands beside them.
            (
                #"""
                {"question": "Q", "chosen": [\#(user), \#(said("a"))], "rejected": [\#(user), \#(said("b"))]}
                """#, .wholeDialogues, "user: P", "assistant: a"
            ),
        ])
    func prompts(row: String, format: RowFormat, prompt: String, chosen: String) throws {
        let pair = try #require(try encoder.pair(row))
        #expect(pair.format == format && pair.prompt == prompt && pair.chosen == chosen)
    }

    @Test(
        "where an unread column may be the prompt, the row is refused",
        arguments: [
            (
                #"{"context": "Is the sky blue?", "chosen": "The answer is yes", "rejected": "The answer is no"}"#,
                #""context""#
            ),
            (
                #"{"dialog": [{"role": "user", "content": "Hi"}], "chosen": "A b", "rejected": "A c"}"#, #""dialog""#
            ),
            (
                #"{"question": "One?", "input": "Two?", "chosen": "A b", "rejected": "A c"}"#, #""question", "input""#
            ),
        ])
    func unclear(row: String, columns: String) {
        #expect(
            encoder.complaint(row) == """
                rows.jsonl:7: the prompt isn't clear: \(columns) may be it; name the prompt's column with prompt_column, \
                or leave out what the rows don't mean
                """)
    }

    @Test("ids, sources and scores are no prompts")
    func others() throws {
        let row = #"""
            {"id": "a 1", "source": "web text", "chosen_model": "m n", "chosen": "A b", "rejected": "A c", "difficulty": "x"}
            """#
        #expect(try encoder.row(row).format == .commonPrefix)
        #expect(try encoder.pair(row)?.prompt == "A")
    }

    // MARK: - Repeated prompts

    @Test(
        "responses that all repeat the prompt lose it, and the summary says so",
        arguments: [
            (
                #""\n\nHuman: Hi\n\nAssistant:""#, #""\n\nHuman: Hi\n\nAssistant: Yes""#,
                #""\n\nHuman: Hi\n\nAssistant: No""#, " Yes"
            ),
            (#""What is rain?""#, #""What is rain? Water""#, #""What is rain? Sand""#, " Water"),
            (#"[\#(user)]"#, #"[\#(user), \#(said("a"))]"#, #"[\#(user), \#(said("b"))]"#, "assistant: a"),
            // One of the two is enough where messages are equal.
            (#"[\#(user)]"#, #"[\#(user), \#(said("a"))]"#, #"[\#(said("b"))]"#, "assistant: a"),
        ])
    func repeated(prompt: String, chosen: String, rejected: String, left: String) throws {
        let row = #"{"prompt": \#(prompt), "chosen": \#(chosen), "rejected": \#(rejected)}"#
        #expect(try encoder.pair(row)?.chosen == left)
    }

    @Test("a response that happens to begin like the prompt is left alone")
    func coincidence() throws {
        let greeting = #"{"prompt": "Hello", "chosen": "Hello there", "rejected": "Hello"}"#
        #expect(try encoder.pair(greeting)?.chosen == "Hello there")
        let echo = #"{"prompt": "What is rain?", "chosen": "Water", "rejected": "What is rain? Sand"}"#
        #expect(try encoder.pair(echo)?.rejected == "What is rain? Sand")
    }

    @Test("what was done to rows is counted with their lines")
    func notes() throws {
        let set = try encoder.set([
            #"{"prompt": "What is rain?", "chosen": "What is rain? Water", "rejected": "What is rain? Sand"}"#,
            #"{"prompt": "What is snow?", "chosen": " Water", "rejected": " Sand"}"#,
        ])
        #expect(set.notes == [.repeatedPrompt: [1]])
        #expect(
            PreferenceSummary(file: "f", set: set).lines.contains(
                "1 row whose responses repeated the prompt: cut from them (line 1)"))
    }

    // MARK: - Null and empty

    @Test(
        "null is empty: the row is dropped",
        arguments: [
            (#"{"prompt": "P", "chosen": "a", "rejected": null}"#, DropReason.emptyResponse),
            (#"{"prompt": "P", "chosen": null, "rejected": null}"#, .emptyResponse),
            (#"{"prompt": null, "chosen": "a", "rejected": "x"}"#, .emptyPrompt),
            (#"{"prompt": "", "chosen": "a", "rejected": "x"}"#, .emptyPrompt),
            (#"{"prompt": " \n", "chosen": "a", "rejected": "x"}"#, .emptyPrompt),
            (#"{"chosen": "A b", "rejected": null}"#, .emptyResponse),
            (#"{"chosen": null, "rejected": "\n\nHuman: a\n\nAssistant: b"}"#, .promptsDiffer),
            (#"{"prompt_ids": null, "chosen_ids": [1], "rejected_ids": [2]}"#, .emptyPrompt),
            (#"{"prompt_ids": [1], "chosen_ids": [1], "rejected_ids": null}"#, .emptyResponse),
            (#"{"prompt": [\#(user)], "chosen": [\#(said("a"))], "rejected": null}"#, .emptyResponse),
            (
                #"{"prompt": [\#(user)], "chosen": [\#(said("a"))], "rejected": [{"role": "assistant", "content": null}]}"#,
                .emptyResponse
            ),
            (
                #"{"prompt": [{"role": "user", "content": ""}], "chosen": [\#(said("a"))], "rejected": [\#(said("b"))]}"#,
                .emptyPrompt
            ),
            (#"{"prompt": null, "chosen": [\#(said("a"))], "rejected": [\#(said("b"))]}"#, .emptyPrompt),
            (#"{"prompt": "A", "responses": ["b", null], "pairs": [[0, 1]]}"#, .emptyResponse),
            (#"{"prompt": "A", "responses": ["b", "c"], "scores": [1, null]}"#, .noPairs),
            (#"{"prompt": "A", "responses": ["b", "c"], "scores": null}"#, .noPairs),
            (#"{"instruction": null, "input": "", "chosen": "a", "rejected": "b"}"#, .emptyPrompt),
            (#"{"prompt": "P", "response_0": "a", "response_1": "b", "better_response_id": null}"#, .noPreference),
            (#"{"prompt": "P", "response_0": null, "response_1": "b", "better_response_id": 1}"#, .emptyResponse),
            (#"{"history": "P", "human_ref_A": "a", "human_ref_B": "b", "labels": null}"#, .noPreference),
            (#"{"context": "P", "response1": "a", "response2": "b", "overall_preference": null}"#, .noPreference),
            (
                #"{"question": "P", "answers": [{"text": "a", "pm_score": 1}, {"text": "b", "pm_score": null}]}"#,
                .noPairs
            ),
        ])
    func null(row: String, reason: DropReason) throws {
        #expect(try encoder.reason(row) == reason)
    }

    @Test("a null margin reward drops its row, where a missing one ends the run")
    func nullReward() throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer(), scoreNames: ["help"])
        let row = #"""
            {"prompt": "A", "chosen": "b", "rejected": "c", "scores_chosen": {"help": 1}, "scores_rejected": {"help": null}}
            """#
        #expect(try encoder.reason(row) == .missingScore)
        #expect(encoder.complaint(row.replacing(#""help": null"#, with: "")).contains("has no \"help\""))
    }

    // MARK: - Turns

    @Test("a response that ends with another's turn, or begins with one, is dropped")
    func turns() throws {
        #expect(
            try encoder.reason(
                #"{"prompt": [\#(Self.user)], "chosen": [\#(Self.said("a")), \#(Self.user)], "rejected": [\#(Self.said("b"))]}"#
            )
                == .endsWithOtherRole)
        #expect(
            try encoder.reason(
                #"""
                {"chosen": [\#(Self.user), \#(Self.said("a")), {"role": "user", "content": "x"}, \#(Self.said("c"))], \#
                "rejected": [\#(Self.user), \#(Self.said("a")), {"role": "user", "content": "y"}, \#(Self.said("d"))]}
                """#) == .promptsDiffer)
        #expect(
            try encoder.reason(
                #"{"chosen": "\n\nHuman: A\n\nAssistant: b\n\nHuman: c", "rejected": "\n\nHuman: A\n\nAssistant: d"}"#)
                == .endsWithOtherRole)
    }

    @Test("what a text can't hold is refused")
    func media() {
        #expect(
            encoder.complaint(#"{"prompt": "P", "images": ["a.png"], "chosen": "a", "rejected": "b"}"#) == """
                rows.jsonl:7: "images" is not empty; expected text only, which is all a model here can read: leave such rows out
                """)
        #expect(
            encoder.complaint(#"{"prompt": "P", "images": [], "chosen": "a", "rejected": "b"}"#).hasPrefix("no error"))
        #expect(
            encoder.complaint(
                #"{"system": "S", "prompt": [{"role": "system", "content": "T"}, \#(Self.user)], "chosen": "a", "rejected": "b"}"#
            )
                == """
                rows.jsonl:7: "system" is not what the messages' own system message says; expected one system message: \
                remove the column, or the message
                """)
        #expect(
            encoder.complaint(#"{"system": "S", "prompt": "P", "chosen": "a", "rejected": "b"}"#) == """
                rows.jsonl:7: "system" makes the row a conversation, which a tokenizer alone can't turn into text: \
                name the folder of a model with a chat template, or give texts
                """)
    }
}
