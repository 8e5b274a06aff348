import ChatTemplates
import Storage
import Testing

@Suite("Chat templates against transformers and TRL")
struct ChatTemplateTests {
    private static let specialTokens: [(name: String, value: String)] = [("bos_token", "<s>"), ("eos_token", "</s>")]

    @Test(
        "every feature of the language renders, or fails, as in transformers",
        arguments: [
            "statements", "macros", "whitespace", "expressions", "filters", "tests", "methods", "representation",
        ])
    func features(feature: String) throws {
        let variables = try JSON.parse(FileSystem.read("\(Fixtures.directory)/chat-variables.json")).object ?? [:]
        let rows = try Fixtures.rows("chat-features.jsonl").filter { $0["feature"]?.string == feature }
        #expect(rows.count > 5)
        for row in rows {
            let source = try #require(row["template"]?.string)
            let text = try? ChatTemplate(source: source, specialTokens: Self.specialTokens)
                .render(messages: [["role": "user", "content": "hi"]], variables: variables)
            #expect(text.map { Array($0.utf8) } == row["text"]?.string.map { Array($0.utf8) }, "\(source)")
        }
    }

    private func chat() throws -> ChatTemplate {
        let source = try FileSystem.read("\(Fixtures.directory)/chat-template.jinja")
        return try ChatTemplate(source: String(decoding: source, as: UTF8.self), specialTokens: Self.specialTokens)
    }

    @Test("messages lose their nulls, reasoning goes by all its names, and a last message is continued")
    func conversations() throws {
        let template = try chat()
        for row in try Fixtures.rows("chat-conversations.jsonl") {
            var variables = try #require(row["row"]?.object)
            let messages = try #require(variables["messages"])
            let adds = variables["add_generation_prompt"]?.bool ?? false
            let continues = variables["continue_final_message"]
            for name in ["messages", "add_generation_prompt", "continue_final_message"] { variables[name] = nil }
            let text = try? template.render(
                messages: messages, addGenerationPrompt: adds,
                continuing: continues?.string ?? (continues?.bool == true ? "content" : nil), variables: variables)
            #expect(text == row["text"]?.string, "\(row.text)")
        }
    }

    @Test("preference rows give TRL's prompt, chosen and rejected texts")
    func preferences() throws {
        let template = try chat()
        for golden in try Fixtures.rows("chat-preferences.jsonl") {
            let row = try #require(golden["row"])
            let completions = try [#require(row["chosen"]), #require(row["rejected"])]
            let texts = try? template.responses(
                prompt: row["prompt"], completions: completions, tools: row["tools"],
                variables: row["kwargs"]?.object ?? [:])
            #expect(
                texts.map { [$0.prompt] + $0.completions } == golden["texts"]?.array?.compactMap(\.string),
                "\(row.text)")
        }
    }

    private static let hasShared = FileSystem.exists("\(Fixtures.shared)/data/preferences")

    @Test(
        "real conversational rows give TRL's texts", .enabled(if: hasShared),
        arguments: ["conversational_dpo_en", "conversational_implicit_prompt_60"])
    func sharedRows(name: String) throws {
        let template = try ChatTemplate(directory: "\(Fixtures.shared)/data/tokenizers/minimind")
        let goldens = try JSON.parse(FileSystem.read("\(Fixtures.directory)/chat-shared.json"))
        var reader = try LineReader(path: "\(Fixtures.shared)/data/preferences/\(name).jsonl.gz")
        var digest = Digest()
        while let line = try reader.next() {
            let row = try JSON.parse(line)
            let texts = try template.responses(
                prompt: row["prompt"], completions: [#require(row["chosen"]), #require(row["rejected"])])
            for text in [texts.prompt] + texts.completions { digest.update(Array(text.utf8) + [0]) }
        }
        #expect(digest.finish().hex == goldens[name]?.string)
    }

    // MARK: - Messages of errors

    private func failure(_ source: String, _ variables: JSONObject = [:]) -> String? {
        do throws(ChatTemplateError) {
            _ = try ChatTemplate(source: source).render(
                messages: [["role": "user", "content": "hi"]], variables: variables)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("an error names its line, and raise_exception's message is given as it is")
    func errors() {
        #expect(failure("a\n\n{{ nope.x }}") == "chat template, line 3: 'nope' is undefined")
        #expect(failure("a\n{% if x %}") == "chat template, line 2: the template ends before 'endif'")
        #expect(failure("{{ 1 }}\n{% nope %}") == "chat template, line 2: unknown tag 'nope'")
        #expect(failure("\n{{ raise_exception('Roles must alternate!') }}") == "Roles must alternate!")
        #expect(
            failure("{{ messages[0].pop('role') }}")
                == "chat template, line 1: 'pop' of a value of type dict is out of reach: templates can't change values"
        )
        #expect(
            failure("{{ 'a' | urlize }}") == "chat template, line 1: the filter 'urlize' isn't supported")
        #expect(
            failure("{{ 9223372036854775807 + 1 }}") == "chat template, line 1: a whole number grows beyond 64 bits")
    }
}
