import Storage

/// A model's chat template: turns a conversation into the text that the model was trained on, as
/// `apply_chat_template(tokenize=False)` of `transformers` 5 does.
package struct ChatTemplate: Sendable {
    /// Parsed templates by name; a single one is named "default". One that is wrong is an error when it is wanted.
    private let templates: [(name: String, source: String, syntax: Result<JinjaSyntax, ChatTemplateError>)]
    /// `bos_token`, `eos_token` and the like, which templates may name.
    let specialTokens: [(name: String, value: String)]

    /// One template, as text.
    /// - Throws: `ChatTemplateError.syntax`.
    package init(source: String, specialTokens: [(name: String, value: String)] = []) throws(ChatTemplateError) {
        try self.init(templates: [("default", source)], specialTokens: specialTokens)
    }

    /// Reads a model directory: `chat_template.jinja` and `additional_chat_templates/NAME.jinja` where there are any,
    /// otherwise `chat_template` of `tokenizer_config.json`, a text or a list of `{"name", "template"}`.
    /// - Throws: `ChatTemplateError`.
    package init(directory: String) throws(ChatTemplateError) {
        let files = ChatTemplateFiles(directory: directory)
        try self.init(templates: try files.templates(), specialTokens: try files.specialTokens())
    }

    /// The template of a model directory, or why there is none: for whoever needs it only if a conversation comes.
    package static func find(in directory: String) -> Result<ChatTemplate, ChatTemplateError> {
        Result { () throws(ChatTemplateError) in try ChatTemplate(directory: directory) }
    }

    private init(
        templates: [(name: String, source: String)], specialTokens: [(name: String, value: String)]
    ) throws(ChatTemplateError) {
        self.templates = templates.map { name, source in
            do throws(ChatTemplateError) {
                return (name, source, .success(try JinjaParser.parse(source)))
            } catch {
                return (name, source, .failure(error))
            }
        }
        self.specialTokens = specialTokens
        if let usual = self.templates.first(where: { $0.name == "default" }) { _ = try usual.syntax.get() }
    }

    /// The template for a conversation: "tool_use" with tools, if there is one, otherwise "default".
    func template(withTools hasTools: Bool) throws(ChatTemplateError) -> (source: String, syntax: JinjaSyntax) {
        let wanted = hasTools ? ["tool_use", "default"] : ["default"]
        for name in wanted {
            if let found = templates.first(where: { $0.name == name }) {
                return (found.source, try found.syntax.get())
            }
        }
        throw .noDefault(names: templates.map(\.name).sorted())
    }
}
