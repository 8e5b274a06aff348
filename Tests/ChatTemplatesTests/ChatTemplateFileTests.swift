import ChatTemplates
import Scratch
import Storage
import Testing

@Suite("Where a chat template comes from")
struct ChatTemplateFileTests {
    private let messages: JSON = [["role": "user", "content": "hi"]]

    private func text(_ files: [(String, String)], tools: JSON? = nil) throws -> String {
        let folder = try TemporaryDirectory()
        for (name, content) in files { _ = try folder.write(content, as: name) }
        return try ChatTemplate(directory: folder.path)
            .render(messages: messages, variables: tools.map { ["tools": $0] } ?? [:])
    }

    @Test("a text in tokenizer_config.json, with its special tokens")
    func single() throws {
        let config = """
            {"chat_template": "{{ bos_token }}{{ eos_token }}{{ image_token }}{{ unk_token }}|{{ pad_token }}", \
            "bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "image_token": "<i>", "pad_token": null}
            """
        #expect(try text([("tokenizer_config.json", config)]) == "<s></s><i>|")
        let map = ("special_tokens_map.json", "{\"bos_token\": {\"content\": \"<b>\"}, \"unk_token\": \"<u>\"}")
        #expect(try text([("tokenizer_config.json", config), map]) == "<b></s><i><u>|")
    }

    @Test("a tokenizer's class knows its tokens where the files are silent; null means none")
    func classes() throws {
        let template = "\"chat_template\": \"{{ bos_token }},{{ eos_token }},{{ pad_token }}\""
        let gemma = "{\(template), \"tokenizer_class\": \"GemmaTokenizer\", \"pad_token\": null}"
        #expect(try text([("tokenizer_config.json", gemma)]) == "<bos>,<eos>,")
        let qwen = ("config.json", "{\"model_type\": \"qwen2\"}")
        #expect(try text([("tokenizer_config.json", "{\(template)}"), qwen]) == ",<|endoftext|>,<|endoftext|>")
    }

    @Test("of named templates tool_use is taken with tools, default otherwise")
    func named() throws {
        let config = """
            {"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}, \
            {"name": "broken", "template": "{{"}]}
            """
        #expect(try text([("tokenizer_config.json", config)]) == "plain")
        #expect(try text([("tokenizer_config.json", config)], tools: [["name": "f"]]) == "tools")
        #expect(try text([("tokenizer_config.json", config)], tools: []) == "tools")
    }

    @Test("template files go before tokenizer_config.json")
    func files() throws {
        let config = ("tokenizer_config.json", "{\"chat_template\": \"config\", \"bos_token\": \"<s>\"}")
        let single = ("chat_template.jinja", "file{{ bos_token }}\n")
        let more = ("additional_chat_templates/tool_use.jinja", "tools")
        #expect(try text([config, single]) == "file<s>")
        #expect(try text([config, single, more]) == "file<s>")
        #expect(try text([config, single, more], tools: [["name": "f"]]) == "tools")
    }

    @Test("a model without a template, without a default one or with a broken one says so")
    func refusals() throws {
        func message(_ files: [(String, String)]) throws -> String {
            let folder = try TemporaryDirectory()
            for (name, content) in files { _ = try folder.write(content, as: name) }
            do throws(ChatTemplateError) {
                _ = try ChatTemplate(directory: folder.path).render(messages: messages)
                return ""
            } catch {
                return error.description.replacing(folder.path, with: "DIR")
            }
        }
        #expect(
            try message([]) == "DIR: the model has no chat template; expected \"chat_template\" in "
                + "tokenizer_config.json or a file chat_template.jinja")
        #expect(
            try message([("tokenizer_config.json", "{\"chat_template\": 5}")])
                == "DIR/tokenizer_config.json: \"chat_template\" must be a text or a list of named templates, not a number"
        )
        #expect(
            try message([("additional_chat_templates/rag.jinja", "x")])
                == "the model has several chat templates and none named \"default\": rag")
        #expect(
            try message([("chat_template.jinja", "{{ }}")])
                == "chat template, line 1: expected an expression, found '}}'")
    }
}
