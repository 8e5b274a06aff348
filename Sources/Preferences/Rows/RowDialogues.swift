import Storage

/// Rows whose prompt or responses are messages.
extension RowParser {
    /// Whether a column holds messages: a list, or an object with a role.
    func isMessages(_ column: String) -> Bool {
        guard let value = row[column] else { return false }
        guard isText else { return value.array != nil || Self.isMessage(value) }
        // A text that begins with a bracket is a text, unless what it holds is a message.
        guard let text = value.string, text.hasPrefix("[{") || text.hasPrefix("{"), let read = try? JSON.parse(text)
        else { return false }
        return Self.isMessage(read) || read.array?.first.map(Self.isMessage) ?? false
    }

    private static func isMessage(_ value: JSON) -> Bool { value["role"] != nil || value["from"] != nil }

    // MARK: - Kinds of rows

    /// `prompt`, `chosen`, `rejected`, of which at least one is messages; without a prompt column, the prompt is what
    /// both lists begin with. A prompt in words beside whole dialogues (UltraFeedback) is what their first message says.
    mutating func messages(first column: String) throws(PreferenceError) -> RowContent {
        var completions = [try completion(mapping.chosenColumn, remedy: "name its column with chosen_column")]
        if rule.needsRejected || (has(mapping.rejectedColumn) && !has(mapping.promptColumn)) {
            completions.append(try completion(mapping.rejectedColumn, remedy: "name its column with rejected_column"))
        }
        guard has(mapping.promptColumn) || mapping.promptIsRequired else {
            return try dialogues(.wholeDialogues, completions, column: column)
        }
        if isMessages(mapping.promptColumn) {
            let prompt = try messageList(mapping.promptColumn)
            // Some data sets repeat the prompt at the start of every response.
            let answers = completions.map { $0.count > prompt.count && $0.starts(with: prompt) }
            if answers.allSatisfy({ $0 }) { completions = completions.map { Array($0.dropFirst(prompt.count)) } }
            return try conversation(.messages, prompt: prompt, completions, column: column)
        }
        let prompt = try text(mapping.promptColumn, remedy: "name its column with prompt_column")
        if completions.allSatisfy({ $0.contains { $0["role"]?.string == "user" } }) {
            return try dialogues(.messages, completions, column: column)
        }
        return try conversation(
            .messages, prompt: [["role": "user", "content": .string(prompt)]], completions, column: column)
    }

    /// ShareGPT's turns, as LLaMA-Factory has them for preferences: `conversations` is the prompt.
    mutating func shareGPT() throws(PreferenceError) -> RowContent {
        var prompt = try messageList(RowMapping.conversations)
        if let system = try optionalText("system"), !system.isEmpty {
            prompt.insert(["role": "system", "content": .string(system)], at: 0)
        }
        var completions = [try completion(mapping.chosenColumn, remedy: "name its column with chosen_column")]
        if rule.needsRejected {
            completions.append(try completion(mapping.rejectedColumn, remedy: "name its column with rejected_column"))
        }
        return try conversation(.shareGPT, prompt: prompt, completions, column: RowMapping.conversations)
    }

    /// LLaMA-Factory's `instruction` and `input`. With its columns `system` or `history` the row is a conversation.
    mutating func instruction() throws(PreferenceError) -> RowContent {
        let remedy = "name the columns with prompt_column, chosen_column and rejected_column"
        var question = try text(RowMapping.instruction, remedy: remedy)
        if let input = try optionalText("input"), !input.isEmpty { question += "\n" + input }
        var responses = [try chosen()]
        if rule.needsRejected { responses.append(try rejected()) }
        guard has("system") || has("history") else {
            return try pairContent(.instruction, .text(prompt: question, responses: responses))
        }
        var prompt: [JSON] = []
        if let system = try optionalText("system"), !system.isEmpty {
            prompt.append(["role": "system", "content": .string(system)])
        }
        for (number, turn) in (has("history") ? try array("history", of: "[question, answer] lists") : []).enumerated()
        {
            guard let two = turn.array, two.count == 2, let asked = two[0].string, let answered = two[1].string else {
                throw wrongType("history[\(number)]", turn, "a list of a question and its answer")
            }
            prompt += [
                ["role": "user", "content": .string(asked)], ["role": "assistant", "content": .string(answered)],
            ]
        }
        prompt.append(["role": "user", "content": .string(question)])
        let completions: [[JSON]] = responses.map { [["role": "assistant", "content": .string($0)]] }
        return try conversation(.instruction, prompt: prompt, completions, column: RowMapping.instruction)
    }

    /// The body of a ranked row whose prompt or responses are messages.
    mutating func rankedMessages(_ responses: [JSON]) throws(PreferenceError) -> RowContent.Body {
        let prompt: [JSON]
        if isMessages(mapping.promptColumn) {
            prompt = try messageList(mapping.promptColumn)
        } else {
            let text = try text(mapping.promptColumn, remedy: "name its column with prompt_column")
            prompt = [["role": "user", "content": .string(text)]]
        }
        var completions: [JSON] = []
        for (number, value) in responses.enumerated() {
            completions.append(.array(try completion(value, item: "\(RowMapping.responses)[\(number)]")))
        }
        return .conversation(try conversation(prompt, completions, column: RowMapping.responses))
    }

    // MARK: - From columns to a conversation

    /// Whole dialogues: the prompt is what they begin with, except that each keeps its last message.
    private mutating func dialogues(
        _ format: RowFormat, _ dialogues: [[JSON]], column: String
    ) throws(PreferenceError) -> RowContent {
        let first = dialogues[0]
        let most = max(0, (dialogues.map(\.count).min() ?? 0) - 1)
        let common = (0..<most).first { place in dialogues.contains { $0[place] != first[place] } } ?? most
        let completions = dialogues.prefix(rule.needsRejected ? 2 : 1).map { Array($0.dropFirst(common)) }
        return try conversation(
            format, prompt: Array(first[..<common]), completions, column: column,
            obstacle: common == 0 ? .promptsDiffer : nil)
    }

    mutating func conversation(
        _ format: RowFormat, prompt: [JSON], _ completions: [[JSON]], column: String, obstacle: DropReason? = nil
    ) throws(PreferenceError) -> RowContent {
        let body = RowContent.Body.conversation(
            try conversation(prompt, completions.prefix(rule.needsRejected ? 2 : 1).map { .array($0) }, column: column))
        let empty: DropReason? = completions.contains(where: \.isEmpty) ? .emptyResponse : nil
        return try pairContent(format, body, obstacle: obstacle ?? (prompt.isEmpty ? .emptyPrompt : empty))
    }

    mutating func conversation(
        _ prompt: [JSON], _ completions: [JSON], column: String
    ) throws(PreferenceError) -> Conversation {
        var tools = take(RowMapping.tools)
        // Data sets keep them as JSON text, since their objects have no common type.
        if let text = tools?.string { tools = text.isEmpty ? nil : (try? JSON.parse(text)) ?? tools }
        if let tools, tools.array == nil { throw wrongType("\"\(RowMapping.tools)\"", tools, "a list of tools") }
        let variables = takeValue(RowMapping.templateVariables)
        if let variables, variables.object == nil {
            throw wrongType("\"\(RowMapping.templateVariables)\"", variables, "an object of name to value")
        }
        return Conversation(
            prompt: .array(prompt), completions: completions, tools: tools, templateVariables: variables,
            column: column)
    }

    /// A response: a string, a message or a list of messages.
    private mutating func completion(_ column: String, remedy: String) throws(PreferenceError) -> [JSON] {
        guard var value = take(column) else { throw missing(column, remedy: remedy) }
        if isText, isMessages(column) { value = read(value) }
        return try completion(value, item: column)
    }

    private func completion(_ value: JSON, item: String) throws(PreferenceError) -> [JSON] {
        if value.string != nil { return [["role": "assistant", "content": value]] }
        if value.object != nil { return [try message(value, item: item)] }
        return try list(value, item: item)
    }

    mutating func messageList(_ column: String) throws(PreferenceError) -> [JSON] {
        try list(takeValue(column) ?? .null, item: column)
    }

    func list(_ value: JSON, item: String) throws(PreferenceError) -> [JSON] {
        if value.object != nil { return [try message(value, item: item)] }
        guard let list = value.array else { throw wrongType("\"\(item)\"", value, "a list of messages") }
        var messages: [JSON] = []
        for (number, value) in list.enumerated() {
            messages.append(try message(value, item: "\(item)[\(number)]"))
        }
        return messages
    }

    // MARK: - Messages

    /// Who speaks in ShareGPT's turns.
    private static let speakers = [
        "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system",
        "observation": "tool", "tool": "tool",
    ]

    /// A message as templates expect it, of either spelling.
    private func message(_ value: JSON, item: String) throws(PreferenceError) -> JSON {
        guard let object = value.object else {
            throw wrongType(item, value, "a message: an object of role and content")
        }
        if object["role"] == nil, let speaker = object["from"] {
            guard let name = speaker.string, let role = Self.speakers[name] else {
                throw .wrongType(
                    place, item: "\(item).from", found: speaker.text, expected: "human, gpt, system or observation")
            }
            guard let text = object["value"]?.string else {
                throw wrongType("\(item).value", object["value"] ?? .null, "a string")
            }
            return ["role": .string(role), "content": .string(text)]
        }
        guard object["role"]?.string != nil else {
            throw wrongType("\(item).role", object["role"] ?? .null, "a string: user, assistant, system, …")
        }
        var message = JSONObject()
        // A table gives every message every member, null where it had none.
        for (name, value) in object.members where !value.isNull { message[name] = value }
        switch object["content"] {
        case .string?: break
        case .array(let parts)?: message["content"] = .string(try text(of: parts, item: "\(item).content"))
        case nil, .null?:
            guard object["tool_calls"]?.array != nil else { throw wrongType("\(item).content", .null, "a string") }
        case let other?: throw wrongType("\(item).content", other, "a string or a list of parts")
        }
        return .object(message)
    }

    /// The texts of content parts, one after the other.
    private func text(of parts: [JSON], item: String) throws(PreferenceError) -> String {
        var text = ""
        for (number, part) in parts.enumerated() {
            guard part["type"]?.string ?? "text" == "text", let piece = part["text"]?.string else {
                let kind = part["type"]?.text ?? part.kind
                throw .wrongType(
                    place, item: "\(item)[\(number)]", found: "a part of the type \(kind)",
                    expected: "{\"type\": \"text\", \"text\": …}: only text can be trained on")
            }
            text += piece
        }
        return text
    }
}
