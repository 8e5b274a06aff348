import ChatTemplates
import Preferences
import Storage
import Tables
import Testing
import Tokenization

@Suite("Conversations") struct RowConversationTests {
    static let source = """
        {% for m in messages %}<{{ m.role }}>{{ m.content }}{{ mark }}
        {% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}
        """
    static let row = #"""
        {"prompt": [{"role": "user", "content": "Is the sky blue?"}],
         "chosen": [{"role": "assistant", "content": "It is."}],
         "rejected": [{"role": "assistant", "content": "It is black."}], "chat_template_kwargs": {"mark": "!"}}
        """#

    private func encoder(_ template: Result<ChatTemplate, ChatTemplateError>?, appendEOS: Bool) throws -> RowEncoder {
        let tokenizer = try RowFixture.tokenizer("row-tokenizer-plain")
        return RowEncoder(
            tokenizer: tokenizer, template: template,
            rule: EncodingRule(maxLength: 512, appendEOS: appendEOS, vocabularySize: tokenizer.vocabularySize),
            file: "rows.jsonl")
    }

    @Test("a conversation has the tokens of its rendered text, and no ending but the template's")
    func tokens() throws {
        let template = try ChatTemplate(source: Self.source)
        let conversation = try encoder(.success(template), appendEOS: true).comparison(Self.row)
        let text = try encoder(nil, appendEOS: false).comparison(
            #"{"prompt": "<user>Is the sky blue?!\n<assistant>", "chosen": "It is.!\n", "rejected": "It is black.!\n"}"#
        )
        #expect(conversation != nil && conversation == text)
    }

    @Test("a prompt to generate from is a conversation that the assistant is to go on with")
    func prompt() throws {
        let row = try encoder(.success(ChatTemplate(source: Self.source)), appendEOS: true).encodePrompt(
            line: Array(#"{"prompt": [{"role": "user", "content": "Hi"}]}"#.utf8), number: 1, row: 0)
        #expect(row.text == "<user>Hi\n<assistant>" && !row.tokens.isEmpty)
    }

    @Test("a template that refuses a conversation, or isn't there, is an error with the row's place")
    func refusals() throws {
        func message(_ template: Result<ChatTemplate, ChatTemplateError>?) throws -> String? {
            let encoder = try encoder(template, appendEOS: true)
            do throws(PreferenceError) {
                _ = try encoder.row(Self.row)
                return nil
            } catch {
                return error.description
            }
        }
        let refusing = try ChatTemplate(source: "{{ raise_exception('no users here') }}")
        #expect(try message(.success(refusing)) == "rows.jsonl:7: no users here")
        #expect(
            try message(.failure(.missing(directory: "m")))?.hasPrefix("rows.jsonl:7: m: the model has no chat") == true
        )
        #expect(try message(nil)?.hasPrefix("rows.jsonl:7: \"prompt\" is a list of messages, which") == true)
    }

    @Test("a prompt that ends in an assistant's message is gone on with: no ending between, no second beginning")
    func continued() throws {
        let template = try ChatTemplate(source: Self.source)
        let row = #"""
            {"prompt": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "It is"}], \#
            "chosen": [{"role": "assistant", "content": " four"}], "rejected": " five", "chat_template_kwargs": {"mark": "!"}}
            """#
        let encoder = try encoder(.success(template), appendEOS: true)
        let text = try self.encoder(nil, appendEOS: false).comparison(
            #"{"prompt": "<user>2+2?!\n<assistant>It is", "chosen": " four!\n", "rejected": " five!\n"}"#)
        #expect(try encoder.comparison(row) == text && text != nil)
        #expect(try encoder.row(row).notes.contains(.continuedMessage))
        let prompt = try encoder.encodePrompt(line: Array(row.utf8), number: 1, row: 0)
        #expect(prompt.text == "<user>2+2?!\n<assistant>It is")
    }

    @Test("columns beside texts make a conversation, for the whole file if there is a template")
    func beside() throws {
        let encoder = try encoder(.success(ChatTemplate(source: Self.source)), appendEOS: true)
        func text(_ prompt: String) throws -> EncodedComparison? {
            try self.encoder(nil, appendEOS: false).comparison(
                #"{"prompt": "\#(prompt)<assistant>", "chosen": "A\n", "rejected": "B\n"}"#)
        }
        let row = #"{"system": "S", "prompt": "P", "chosen": "A", "rejected": "B"}"#
        #expect(try encoder.comparison(row) == text(#"<system>S\n<user>P\n"#))
        for empty in [#""""#, "null"] {
            #expect(try encoder.comparison(row.replacing(#""S""#, with: empty)) == text(#"<user>P\n"#))
            // Without a template an empty column changes nothing.
            let plain = try self.encoder(nil, appendEOS: false).row(row.replacing(#""S""#, with: empty))
            #expect(plain.format == .text && plain.unusedColumns == [])
        }
        #expect(try encoder.row(row).notes.contains(.madeConversation))
    }

    static let calls = """
        {% for m in messages %}<{{ m.role }}>{% for c in m.tool_calls %}{{ c.function.arguments | tojson }}{% endfor %}\
        {{ m.content }}{% endfor %}{{ tools | tojson }}
        """
    static let called = #"""
        {"prompt": [{"role": "user", "content": "P"}], "rejected": "no", "chosen": [{"role": "assistant", "content": null, \#
        "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{\"a\": \"b\"}"}}]}]}
        """#

    @Test("arguments that are JSON text are given to the template as objects, unless it takes them as they are")
    func arguments() throws {
        func tokens(_ source: String) throws -> (EncodedRow, EncodedComparison?) {
            let encoder = try encoder(.success(ChatTemplate(source: source)), appendEOS: true)
            return (try encoder.row(Self.called), try encoder.comparison(Self.called))
        }
        let (row, written) = try tokens(Self.calls)
        let text = try encoder(nil, appendEOS: false).comparison(
            #"{"prompt": "<user>P", "chosen": "<assistant>{\"a\": \"b\"}null", "rejected": "<assistant>nonull"}"#)
        #expect(row.notes.contains(.decodedArguments) && written != nil && written == text)
        // Joined to a text, an object is an error in Jinja as in Python.
        let joining = Self.calls.replacing("c.function.arguments | tojson", with: "'' + c.function.arguments")
        let (kept, joined) = try tokens(joining)
        #expect(!kept.notes.contains(.decodedArguments) && joined == text)
    }

    @Test("nulls that a typed table filled into calls and tools are taken out; those of JSON stay")
    func nulls() throws {
        let row: JSONObject = [
            "prompt": [["role": "user", "content": "P"]],
            "chosen": [
                [
                    "role": "assistant", "content": nil,
                    "tool_calls": [["function": ["name": "f", "arguments": ["a": "b", "other": nil]]]],
                ]
            ],
            "rejected": [["role": "assistant", "content": "no", "tool_calls": nil]],
            "tools": [["name": "f", "parameters": ["a": ["type": "string", "enum": nil]]]],
        ]
        let encoder = try encoder(.success(ChatTemplate(source: Self.calls)), appendEOS: true)
        func encoded(_ content: TableRow.Content) throws -> EncodedRow {
            try encoder.encode(RowReader.Row(content: content, line: 7, row: 0))
        }
        let typed = try encoded(.columns(row))
        let text = try self.encoder(nil, appendEOS: false).comparison(
            #"""
            {"prompt": "<user>P", \#
            "chosen": "<assistant>{\"a\": \"b\"}[{\"name\": \"f\", \"parameters\": {\"a\": {\"type\": \"string\"}}}]", \#
            "rejected": "<assistant>no[{\"name\": \"f\", \"parameters\": {\"a\": {\"type\": \"string\"}}}]"}
            """#)
        #expect(try typed.outcome == .comparison(#require(text)) && typed.notes.contains(.removedNulls))
        let json = try encoded(.text(Array(JSON.object(row).text.utf8)))
        #expect(!json.notes.contains(.removedNulls) && json.outcome != typed.outcome)
    }
}
