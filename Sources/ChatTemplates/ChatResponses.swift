import Storage

extension ChatTemplate {
    /// The texts of a prompt and of its responses, as TRL makes them from a conversational preference row.
    ///
    /// The prompt is rendered up to where the assistant speaks, each whole conversation without that, and the prompt's
    /// text is what all of them begin with; a response's text is the rest. So text that a template writes only for an
    /// unfinished conversation belongs to neither, and `prompt + completion` is always the whole conversation's text.
    ///
    /// A prompt that ends in an assistant's message is gone on with: what a completion's first message says is said by the
    /// same message, as `continue_final_message` of `transformers` means it. TRL 1.16 ends that message and begins another
    /// one there, and scores both.
    /// - Parameters:
    ///   - prompt: a list of messages, the last by the user, a tool, or an assistant who is to go on. With anything else
    ///     (none, or a text beside transcripts) the messages that all completions begin with are the prompt.
    ///   - completions: per response a list of messages.
    ///   - variables: for the template (`chat_template_kwargs` of a row).
    /// - Throws: `ChatTemplateError`.
    package func responses(
        prompt: JSON?, completions: [JSON], tools: JSON? = nil, variables: JSONObject = [:]
    ) throws(ChatTemplateError) -> (prompt: String, completions: [String]) {
        let (prompt, completions) = try ChatTemplate.parted(prompt, completions)
        let variables = ChatTemplate.variables(variables, tools: tools)
        let isAnswer: Bool
        switch prompt.last?["role"]?.string {
        case "user", "tool": isAnswer = false
        case "assistant": isAnswer = true
        case let role:
            throw .conversation(
                "the prompt ends with the role \"\(role ?? "none")\"; expected user, tool or assistant")
        }
        let continued = completions.compactMap { ChatTemplate.continued(prompt, by: $0) }
        let goesOn = isAnswer && continued.count == completions.count
        let wholes = goesOn ? continued : completions.map { prompt + $0 }
        var common = JinjaText(
            try render(
                messages: .array(prompt), addGenerationPrompt: !isAnswer, continuing: goesOn ? "content" : nil,
                variables: variables))
        var texts: [JinjaText] = []
        for whole in wholes {
            let text = JinjaText(try render(messages: .array(whole), variables: variables))
            texts.append(text)
            common = common.commonPrefix(with: text)
        }
        return (common.string, texts.map { JinjaText($0.bytes[common.bytes.count...]).string })
    }

    /// Variables with the tools among them.
    static func variables(_ variables: JSONObject, tools: JSON?) -> JSONObject {
        var variables = variables
        // Some templates write their tool preamble for an empty list too.
        if let tools, tools.array?.isEmpty != true { variables["tools"] = tools }
        return variables
    }

    /// The messages of a prompt and of a response that goes on with its last message, which are then one. It is nil unless
    /// both are texts of the assistant's and the former calls no tool.
    static func continued(_ prompt: [JSON], by completion: [JSON]) -> [JSON]? {
        guard let last = prompt.last?.object, last["tool_calls"] == nil, let begun = last["content"]?.string,
            let first = completion.first?.object, first["role"] == last["role"], let rest = first["content"]?.string
        else { return nil }
        var message = last
        for (name, value) in first.members { message[name] = value }
        message["content"] = .string(begun + rest)
        return prompt.dropLast() + [.object(message)] + completion.dropFirst()
    }

    /// The messages of the prompt and those of each completion.
    private static func parted(
        _ prompt: JSON?, _ completions: [JSON]
    ) throws(ChatTemplateError) -> (prompt: [JSON], completions: [[JSON]]) {
        let lists = try completions.map { completion throws(ChatTemplateError) in
            guard let list = completion.array, !list.isEmpty else {
                throw .conversation("a response must be a list of messages, not \(completion.kind)")
            }
            return list
        }
        if let prompt = prompt?.array { return (prompt, lists) }
        // At least one message of each completion is left as its response.
        let shortest = lists.map(\.count).min() ?? 0
        var shared = 0
        while shared < shortest - 1, lists.allSatisfy({ $0[shared] == lists[0][shared] }) { shared += 1 }
        guard shared > 0 else { throw .conversation("the responses don't begin with the same messages") }
        return (Array(lists[0].prefix(shared)), lists.map { Array($0.dropFirst(shared)) })
    }
}

extension JinjaText {
    /// The scalars that both texts begin with.
    func commonPrefix(with other: JinjaText) -> JinjaText {
        var end = zip(bytes, other.bytes).prefix { $0 == $1 }.count
        while end < bytes.count, end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return JinjaText(bytes[..<end])
    }
}
