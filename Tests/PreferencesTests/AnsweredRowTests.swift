import ChatTemplates
import Preferences
import Storage
import Testing

@Suite("Prompts with a model's responses") struct AnsweredRowTests {
    private func encoder(template: ChatTemplate? = nil) throws -> RowEncoder {
        var rule = EncodingRule(maxLength: 512, truncation: .error, judges: nil, vocabularySize: 1000)
        rule.keepsEmptyResponses = true
        return RowEncoder(
            tokenizer: try RowFixture.tokenizer(),
            template: template.map { template in Result { () throws(ChatTemplateError) in template } }, rule: rule,
            file: "answers.jsonl")
    }

    private func comparison(
        _ encoder: RowEncoder, _ prompt: JSON, _ responses: [String]
    ) throws -> EncodedComparison {
        let row = try encoder.encode(prompt: prompt, responses: responses, line: 3, row: 0)
        guard case .comparison(let comparison) = row.outcome else {
            throw PreferenceError.nothingLeft(summary: "\(row.outcome)")
        }
        return comparison
    }

    @Test("a response is encoded as that of a row of training, with its end token")
    func text() throws {
        let trained = try RowFixture.encoder(RowFixture.tokenizer(), judges: .demonstrations)
        let expected = try #require(try trained.comparison(#"{"prompt": "The sky is", "completion": " blue"}"#))
        let found = try comparison(encoder(), "The sky is", [" blue"])
        #expect(found.prompt == expected.prompt && found.responses == expected.responses)
        #expect(found.judgements == [.labelled(0, isDesirable: true)])
    }

    @Test("each response has a judgement in its place, equal ones the same tokens; an empty one its end token")
    func several() throws {
        let found = try comparison(encoder(), "The sky is", [" red", "", " red"])
        #expect(found.responses.count == 2)
        #expect(found.judgements.map(\.best) == [0, 1, 0])
        #expect(found.responses[1].tokens == [1])
    }

    @Test("a response that begins with its prompt keeps it, whatever the others say")
    func repeated() throws {
        let prompt = "The sky is so hot"
        let found = try comparison(encoder(), .string(prompt), [prompt + " and cold"])
        let both = try comparison(encoder(), .string(prompt), [prompt + " and cold", " and cold"])
        #expect(found.responses[0] == both.responses[0])
        #expect(found.responses[0].tokens.count > both.responses[1].tokens.count)
    }

    @Test("a conversation goes through the template, its response is the assistant's turn")
    func conversation() throws {
        let template = try ChatTemplate(
            source: "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
                + "{% if add_generation_prompt %}<assistant>{% endif %}")
        let tokenizer = try RowFixture.tokenizer()
        let found = try comparison(
            encoder(template: template), [["role": "user", "content": "sky"]], ["blue", ""])
        let prompt = try tokenizer.encode("<user>sky</s><assistant>", addSpecialTokens: false).ids
        #expect(found.prompt == prompt)
        #expect(
            try found.responses[0].tokens
                == Array(
                    tokenizer.encode("<user>sky</s><assistant>blue</s>", addSpecialTokens: false).ids
                        .dropFirst(prompt.count)))
        #expect(found.responses[1].tokens == [1])
    }

    @Test("what can't be encoded is an error with its line")
    func refused() throws {
        func complaint(_ prompt: JSON, _ responses: [String]) throws -> String {
            let encoder = try encoder()
            do throws(PreferenceError) {
                return "no error: \(try encoder.encode(prompt: prompt, responses: responses, line: 3, row: 0))"
            } catch {
                return error.description
            }
        }
        #expect(try complaint(7, [" a"]).hasPrefix("answers.jsonl:3: \"prompt\" is"))
        #expect(try complaint([["role": "user", "content": "sky"]], [" a"]).contains("chat template"))
        #expect(try complaint("sky", [String(repeating: " hot", count: 600)]).contains("max_length is 512"))
    }
}
