import Preferences
import Testing

/// Rows of messages, up to where a chat template takes over.
@Suite("Rows of messages") struct RowDialogueTests {
    let encoder: RowEncoder

    init() throws { encoder = RowFixture.encoder(try RowFixture.tokenizer()) }

    static let user = #"{"role": "user", "content": "P"}"#
    static func said(_ text: String) -> String { #"{"role": "assistant", "content": "\#(text)"}"# }

    @Test(
        "the prompt is a column, or what both dialogues begin with",
        arguments: [
            // Explicit, as lists, as single messages and as strings beside a list.
            (
                #"{"prompt": [\#(user)], "chosen": [\#(said("a"))], "rejected": [\#(said("b"))]}"#, RowFormat.messages,
                "user: P"
            ),
            (#"{"prompt": [\#(user)], "chosen": \#(said("a")), "rejected": \#(said("b"))}"#, .messages, "user: P"),
            (#"{"prompt": [\#(user)], "chosen": "a", "rejected": "b"}"#, .messages, "user: P"),
            // Implicit.
            (
                #"{"chosen": [\#(user), \#(said("a"))], "rejected": [\#(user), \#(said("b"))]}"#, .wholeDialogues,
                "user: P"
            ),
            (
                #"""
                {"chosen": [{"role": "system", "content": "S"}, \#(user), \#(said("x")), \#(user), \#(said("a"))], \#
                "rejected": [{"role": "system", "content": "S"}, \#(user), \#(said("x")), \#(user), \#(said("b"))]}
                """#, .wholeDialogues, "system: S\nuser: P\nassistant: x\nuser: P"
            ),
            // UltraFeedback: the prompt in words beside whole dialogues; or beside answers alone.
            (
                #"""
                {"prompt": "P", "prompt_id": "1", "chosen": [\#(user), \#(said("a"))], "rejected": [\#(user), \#(said("b"))], \#
                "messages": [], "score_chosen": 8, "score_rejected": 7}
                """#, .messages, "user: P"
            ),
            (#"{"prompt": "P", "chosen": [\#(said("a"))], "rejected": [\#(said("b"))]}"#, .messages, "user: P"),
            // The prompt repeated in front of every response.
            (
                #"{"prompt": [\#(user)], "chosen": [\#(user), \#(said("a"))], "rejected": [\#(user), \#(said("b"))]}"#,
                .messages, "user: P"
            ),
            // Nulls that a table put in, content parts.
            (
                #"""
                {"prompt": [{"role": "user", "content": [{"type": "text", "text": "P"}], "tool_calls": null}], \#
                "chosen": [\#(said("a"))], "rejected": [\#(said("b"))]}
                """#, .messages, "user: P"
            ),
            // ShareGPT.
            (
                #"""
                {"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "P"}], \#
                "chosen": {"from": "gpt", "value": "a"}, "rejected": {"from": "gpt", "value": "b"}}
                """#, .shareGPT, "system: S\nuser: P"
            ),
            (
                #"""
                {"conversations": [{"from": "human", "value": "P"}], "system": "S", \#
                "chosen": {"from": "gpt", "value": "a"}, "rejected": {"from": "gpt", "value": "b"}}
                """#, .shareGPT, "system: S\nuser: P"
            ),
            // LLaMA-Factory's instructions with what only a dialogue can hold.
            (
                #"""
                {"instruction": "P", "input": "i", "system": "S", "history": [["q", "r"]], "chosen": "a", "rejected": "b"}
                """#, .instruction, "system: S\nuser: q\nassistant: r\nuser: P\ni"
            ),
            // Ranked.
            (
                #"""
                {"prompt": [\#(user)], "responses": ["a", [\#(said("b"))]], "pairs": [[0, 1]]}
                """#, .ranked, "user: P"
            ),
        ])
    func prompts(row: String, format: RowFormat, prompt: String) throws {
        let pair = try #require(try encoder.pair(row))
        #expect(pair.format == format && pair.prompt == prompt)
        #expect(pair.chosen == "assistant: a" && pair.rejected == "assistant: b")
    }

    @Test("dialogues that share nothing, or everything, are dropped or keep their last message")
    func edges() throws {
        #expect(try encoder.reason(#"{"chosen": [\#(Self.user)], "rejected": [\#(Self.said("b"))]}"#) == .promptsDiffer)
        #expect(
            try encoder.reason(#"{"prompt": [\#(Self.user)], "chosen": [], "rejected": [\#(Self.said("b"))]}"#)
                == .emptyResponse)
        #expect(
            try encoder.reason(#"{"prompt": [], "chosen": [\#(Self.said("a"))], "rejected": [\#(Self.said("b"))]}"#)
                == .emptyPrompt)
        let same = try #require(
            try encoder.pair(
                #"{"chosen": [\#(Self.user), \#(Self.said("a"))], "rejected": [\#(Self.user), \#(Self.said("a"))]}"#))
        #expect(same.prompt == "user: P" && same.chosen == "assistant: a")
    }

    @Test("sft needs the chosen dialogue only")
    func chosenOnly() throws {
        let encoder = RowFixture.encoder(try RowFixture.tokenizer(), judges: .demonstrations)
        let pair = try #require(try encoder.pair(#"{"chosen": [\#(Self.user), \#(Self.said("a"))]}"#))
        #expect(pair.prompt == "user: P" && pair.chosen == "assistant: a" && pair.rejected == nil)
    }

    @Test(
        "malformed messages say where and what was expected",
        arguments: [
            (
                #"{"prompt": [3], "chosen": "a", "rejected": "b"}"#,
                "prompt[0] is a number; expected a message: an object of role and content"
            ),
            (
                #"{"prompt": [{"content": "P"}], "chosen": "a", "rejected": "b"}"#,
                "prompt[0].role is null; expected a string: user, assistant, system, …"
            ),
            (
                #"{"prompt": [{"role": "user"}], "chosen": "a", "rejected": "b"}"#,
                "prompt[0].content is null; expected a string"
            ),
            (
                #"{"prompt": [{"role": "user", "content": 3}], "chosen": "a", "rejected": "b"}"#,
                "prompt[0].content is a number; expected a string or a list of parts"
            ),
            (
                #"{"prompt": [{"role": "user", "content": [{"type": "image"}]}], "chosen": "a", "rejected": "b"}"#,
                #"prompt[0].content[0] is a part of the type "image"; expected {"type": "text", "text": …}: "#
                    + "only text can be trained on"
            ),
            (
                #"{"conversations": [{"from": "bot", "value": "x"}], "chosen": "a", "rejected": "b"}"#,
                #"conversations[0].from is "bot"; expected human, gpt, system, observation or function_call"#
            ),
            (
                #"{"conversations": [{"from": "human"}], "chosen": "a", "rejected": "b"}"#,
                "conversations[0].value is null; expected a string"
            ),
            (
                #"{"conversations": [], "chosen": 3, "rejected": "b"}"#,
                #""chosen" is a number; expected a string or a list of messages"#
            ),
            (
                #"{"instruction": "P", "history": ["x"], "chosen": "a", "rejected": "b"}"#,
                "history[0] is a string; expected a list of a question and its answer"
            ),
            (
                #"{"prompt": [\#(user)], "chosen": "a", "rejected": "b", "tools": 3}"#,
                #""tools" is a number; expected a list of tools"#
            ),
            (
                #"{"prompt": [\#(user)], "chosen": "a", "rejected": "b", "chat_template_kwargs": []}"#,
                #""chat_template_kwargs" is a list; expected an object of name to value"#
            ),
        ])
    func malformed(row: String, message: String) {
        #expect(encoder.complaint(row) == "rows.jsonl:7: " + message)
    }
}
