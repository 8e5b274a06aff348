import ChatTemplates
import Preferences
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
}
