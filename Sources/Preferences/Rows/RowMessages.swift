import Storage

/// Messages: from columns to the shape that chat templates expect.
extension RowColumns {
    /// Whether a column holds messages: a list, or one message.
    func isMessages(_ column: String) -> Bool {
        guard let value = self[column] else { return false }
        return value.array != nil || value["role"] != nil || value["from"] != nil
    }

    /// Whether a column's messages hold the prompt too: a user speaks in them.
    func isWholeDialogue(_ column: String) -> Bool {
        self[column]?.array?.contains { message in
            ["user", "human"].contains(message["role"]?.string ?? message["from"]?.string ?? "")
        } ?? false
    }

    /// A prompt or a response: a text, a message or a list of messages; an empty text where the column holds nothing.
    mutating func passage(_ column: String, remedy: String) throws(PreferenceError) -> Passage {
        guard self[column] != nil else { throw missing(column, remedy: remedy) }
        return try passage(take(column) ?? .null, item: column)
    }

    /// - Parameter value: nil where there is none, which isn't the same as null.
    func passage(_ value: JSON?, item: String) throws(PreferenceError) -> Passage {
        let quoted = item.contains(where: "[. ".contains) ? item : "\"\(item)\""
        switch value {
        case nil: throw .wrongType(place, item: quoted, found: "missing", expected: "a string or a list of messages")
        case .null: return .text("")
        case .string(let text):
            guard !WrittenMessages.looksDamaged(text) else { throw .writtenMessages(place, item: quoted) }
            return .text(text)
        case let value? where value.array != nil || value["role"] != nil || value["from"] != nil:
            return .messages(try messages(value, item: item))
        case let value?: throw wrongType(quoted, value, "a string or a list of messages")
        }
    }

    /// A list of messages, or a single one.
    func messages(_ value: JSON, item: String) throws(PreferenceError) -> [JSON] {
        if value.object != nil { return [try message(value, item: item)] }
        guard let list = value.array else { throw wrongType("\"\(item)\"", value, "a list of messages") }
        var messages: [JSON] = []
        for (number, value) in list.enumerated() {
            messages.append(try message(value, item: "\(item)[\(number)]"))
        }
        return messages
    }

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
        if object["role"]?.string == nil, let speaker = object["from"], !speaker.isNull {
            return try turn(speaker, object["value"], item: item)
        }
        guard object["role"]?.string != nil else {
            throw wrongType("\(item).role", object["role"] ?? .null, "a string: user, assistant, system, …")
        }
        var message = JSONObject()
        // A table gives every message every member, null where it had none.
        for (name, value) in object.members where !value.isNull { message[name] = value }
        let callsTools = object["tool_calls"]?.array.map { !$0.isEmpty } ?? false
        switch object["content"] {
        case .string?: break
        case .array(let parts)?: message["content"] = .string(try text(of: parts, item: "\(item).content"))
        case .null?: if !callsTools { message["content"] = "" }
        case nil: if !callsTools { throw wrongType("\(item).content", .null, "a string") }
        case let other?: throw wrongType("\(item).content", other, "a string or a list of parts")
        }
        return .object(message)
    }

    /// A turn of ShareGPT's.
    private func turn(_ speaker: JSON, _ said: JSON?, item: String) throws(PreferenceError) -> JSON {
        guard let text = said == .null ? "" : said?.string else {
            throw wrongType("\(item).value", said ?? .null, "a string")
        }
        if speaker.string == "function_call" {
            guard let call = WrittenValue.read(text, onlyLists: true), call["name"]?.string != nil || call.array != nil
            else {
                throw .wrongType(
                    place, item: "\(item).value", found: "no JSON text of a tool call",
                    expected: "{\"name\": …, \"arguments\": {…}}")
            }
            let calls = (call.array ?? [call]).map { ["type": "function", "function": $0] as JSON }
            return ["role": "assistant", "tool_calls": .array(calls)]
        }
        guard let name = speaker.string, let role = Self.speakers[name] else {
            throw .wrongType(
                place, item: "\(item).from", found: speaker.text,
                expected: "human, gpt, system, observation or function_call")
        }
        return ["role": .string(role), "content": .string(text)]
    }

    /// The texts of content parts, one after the other.
    private func text(of parts: [JSON], item: String) throws(PreferenceError) -> String {
        var text = ""
        for (number, part) in parts.enumerated() {
            if let piece = part.string {
                text += piece
                continue
            }
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

extension JSON {
    /// The same without the members that are null, at any depth; nulls in lists stay, as in TRL's `remove_none_values`.
    var withoutNullMembers: JSON {
        switch self {
        case .array(let elements): return .array(elements.map(\.withoutNullMembers))
        case .object(let object):
            var kept = JSONObject()
            for (name, value) in object.members where !value.isNull { kept[name] = value.withoutNullMembers }
            return .object(kept)
        default: return self
        }
    }

    /// Whether a message says anything or calls a tool.
    var saysSomething: Bool {
        if let calls = self["tool_calls"]?.array, !calls.isEmpty { return true }
        return ["content", "reasoning_content", "thinking", "reasoning"].contains {
            self[$0]?.string.map { !$0.isBlank } ?? false
        }
    }
}

extension String {
    /// Nothing but white space.
    var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }
}
