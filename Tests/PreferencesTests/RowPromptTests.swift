import Preferences
import Testing
import Tokenization

@Suite("Prompts to generate from") struct RowPromptTests {
    func prompt(_ json: String, _ encoder: RowEncoder) throws -> PromptRow {
        try encoder.encodePrompt(line: Array(json.utf8), number: 7, row: 4)
    }

    @Test(
        "a prompt begins as in training and has no ending",
        arguments: ["row-tokenizer", "row-tokenizer-ended"])
    func text(name: String) throws {
        let tokenizer = try RowFixture.tokenizer(name)
        let encoder = RowFixture.encoder(tokenizer)
        let plain = try tokenizer.encode("The sky is", addSpecialTokens: false).ids
        let row = try prompt(#"{"prompt": "The sky is", "chosen": " blue"}"#, encoder)
        #expect(row == PromptRow(row: 4, line: 7, text: "The sky is", tokens: [0] + plain))
        #expect(try prompt(#"{"prompt": "<s>The sky is"}"#, encoder).tokens == [0] + plain)
        #expect(try prompt(#"{"prompt": ""}"#, encoder).tokens == [0])
    }

    @Test("prompt_ids are used as they are")
    func ids() throws {
        let row = try prompt(#"{"prompt_ids": [3, 4]}"#, RowFixture.encoder())
        #expect(row == PromptRow(row: 4, line: 7, text: nil, tokens: [3, 4]))
    }

    @Test("a prompt that is missing or has no token is an error")
    func missing() throws {
        func complaint(_ json: String, _ encoder: RowEncoder) -> String {
            do { return "no error: \(try prompt(json, encoder))" } catch { return "\(error)" }
        }
        let plain = RowFixture.encoder(try RowFixture.tokenizer("row-tokenizer-plain"))
        #expect(
            complaint(#"{"text": "A"}"#, plain) == """
                rows.jsonl:7: "prompt" is missing; the row has "text"; each row needs a prompt: a string, a list of messages, or prompt_ids
                """)
        #expect(
            complaint(#"{"prompt": ""}"#, plain) == """
                rows.jsonl:7: "prompt" is empty and the tokenizer adds no beginning-of-sequence token; \
                a response needs at least one token before it: write a prompt
                """)
        #expect(complaint(#"{"prompt_ids": []}"#, plain).hasPrefix(#"rows.jsonl:7: "prompt_ids" is empty"#))
    }
}
