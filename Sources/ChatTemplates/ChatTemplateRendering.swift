import Storage

extension ChatTemplate {
    /// The text of a conversation.
    ///
    /// Members of messages that are null are left out, and a message's reasoning goes by each of its three usual names, as
    /// `transformers` has it.
    /// - Parameters:
    ///   - messages: a list of objects, `role` and `content` as a rule.
    ///   - addGenerationPrompt: whether the text ends where the assistant is to speak.
    ///   - continued: a member of the last message, `content` as a rule: the text ends with it, open for more.
    ///   - variables: what else the template may name, `tools` and `documents` among it; they go before the special
    ///     tokens of the same name.
    /// - Throws: `ChatTemplateError`.
    package func render(
        messages: JSON, addGenerationPrompt: Bool = false, continuing continued: String? = nil,
        variables: JSONObject = [:]
    ) throws(ChatTemplateError) -> String {
        try rendered(
            messages: messages, addGenerationPrompt: addGenerationPrompt, continuing: continued, variables: variables
        ).text
    }

    /// The same, and where the template says that the assistant speaks: nil for one that doesn't say.
    func rendered(
        messages: JSON, addGenerationPrompt: Bool = false, continuing continued: String? = nil, variables: JSONObject
    ) throws(ChatTemplateError) -> (text: String, generations: [Range<Int>]?) {
        let tools = try objects("tools", in: variables)
        let documents = try objects("documents", in: variables)
        let (source, syntax) = try template(withTools: tools != nil)
        var conversation = try ChatTemplate.normalized(messages)
        let ending = try continued.map { field throws(ChatTemplateError) in
            guard !addGenerationPrompt else {
                throw .conversation("a last message can't be continued where the assistant begins a new one")
            }
            return try ContinuedMessage(field: field, of: &conversation, source: source)
        }

        var values: [(name: String, value: JinjaValue)] = specialTokens.map { ($0.name, .text($0.value)) }
        for (name, value) in variables.members { values.append((name, JinjaValue(value))) }
        values += [
            ("messages", JinjaValue(.array(conversation))), ("tools", JinjaValue(tools ?? .null)),
            ("documents", JinjaValue(documents ?? .null)), ("add_generation_prompt", .bool(addGenerationPrompt)),
        ]
        let renderer = JinjaRenderer(syntax, variables: values)
        let text = try renderer.render()
        return (try ending?.end(of: text) ?? text, syntax.marksGenerations ? renderer.generations : nil)
    }

    private func objects(_ name: String, in variables: JSONObject) throws(ChatTemplateError) -> JSON? {
        guard let value = variables[name], !value.isNull else { return nil }
        guard let list = value.array, list.allSatisfy({ $0.object != nil }) else {
            throw .conversation("\"\(name)\" must be a list of objects")
        }
        return value
    }

    /// Messages without their null members, and with their reasoning under `reasoning_content` and `thinking`.
    private static func normalized(_ messages: JSON) throws(ChatTemplateError) -> [JSON] {
        guard let list = messages.array else {
            throw .conversation("\"messages\" must be a list of messages, not \(messages.kind)")
        }
        guard !list.isEmpty else { throw .conversation("the conversation is empty; expected at least one message") }
        return try list.enumerated().map { place, message throws(ChatTemplateError) in
            guard let members = message.object?.members else {
                throw .conversation(
                    "message \(place) must be an object such as {\"role\", \"content\"}, not \(message.kind)")
            }
            var kept = JSONObject()
            for (name, value) in members where !value.isNull { kept[name] = value }
            let names = ["reasoning_content", "thinking", "reasoning"]
            guard let reasoning = names.lazy.compactMap({ kept[$0] }).first else { return .object(kept) }
            var aliased: JSONObject = ["thinking": reasoning]
            for (name, value) in kept.members { aliased[name] = value }
            aliased["reasoning_content"] = reasoning
            return .object(aliased)
        }
    }
}

/// A last message that the text is to end with. A mark is put behind it before rendering and found again after, since a
/// template may write anything behind a message.
private struct ContinuedMessage {
    private static let mark = "CONTINUE_FINAL_MESSAGE_TAG"
    private let text: String

    init(field: String, of conversation: inout [JSON], source: String) throws(ChatTemplateError) {
        guard let last = conversation.indices.last, var message = conversation[last].object, let value = message[field]
        else { throw .conversation("the last message has no \"\(field)\" to continue") }
        let names = ["reasoning_content", "thinking", "reasoning"]
        let fields = names.contains(field) ? names.filter { message[$0] == value } : [field]
        guard fields.contains(where: { source.contains($0) }) else {
            throw .conversation("the chat template doesn't use \"\(field)\", so it can't be continued")
        }
        switch value {
        case .string(let text):
            self.text = text
            for field in fields { message[field] = .string(text + ContinuedMessage.mark + " ") }
        case .array(var parts):
            guard let place = parts.lastIndex(where: { $0["text"] != nil }), var part = parts[place].object,
                let text = part["text"]?.string
            else { throw .conversation("the last message has no text to continue") }
            self.text = text
            part["text"] = .string(text + ContinuedMessage.mark + " ")
            parts[place] = .object(part)
            message[field] = .array(parts)
        default: throw .conversation("\"\(field)\" of the last message is no text, so it can't be continued")
        }
        conversation[last] = .object(message)
    }

    /// The rendered text up to the end of the message.
    func end(of rendered: String) throws(ChatTemplateError) -> String {
        let whole = JinjaText(rendered)
        let said = JinjaText(text).trimmed { $0.isPythonSpace }
        guard whole.contains(said), let place = whole.lastOffset(of: JinjaText(ContinuedMessage.mark)) else {
            throw .conversation(
                "the chat template doesn't keep the last message as it is, so it can't be continued: \"\(text.prefix(60))\""
            )
        }
        let before = JinjaText(whole.bytes[..<place])
        let after = place + ContinuedMessage.mark.utf8.count
        // Without the blank of the mark, the template has trimmed the message.
        if after < whole.bytes.count, whole.bytes[after] == UInt8(ascii: " ") { return before.string }
        return before.trimmed(left: false) { $0.isPythonSpace }.string
    }
}
