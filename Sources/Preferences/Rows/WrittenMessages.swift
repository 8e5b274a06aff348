import Storage

/// Values that a file holds as text: JSON, or Python's notation, as pandas and `str` write lists into CSV files.
package enum WrittenValue {
    /// - Parameter onlyLists: whether numbers and words stay texts.
    /// - Returns: nil for a text that isn't wholly such a value.
    package static func read(_ text: String, onlyLists: Bool = false) -> JSON? {
        if onlyLists {
            let first = text.utf8.first { !($0 == 0x20 || 0x09...0x0D ~= $0) }
            let openers = [UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "("), UInt8(ascii: "a")]
            guard let first, openers.contains(first) else { return nil }
        }
        if let value = try? JSON.parse(text) { return value }
        return PythonLiteral.read(text)
    }
}

/// Messages that a file holds as text.
enum WrittenMessages {
    /// A list of messages, one message, or an object of `messages` with their `tools`; nil for any other text.
    static func read(_ text: String) -> JSON? {
        guard mayBegin(text), let value = WrittenValue.read(text, onlyLists: true) else { return nil }
        if let list = value.array { return !list.isEmpty && list.allSatisfy(isMessage) ? .some(value) : .none }
        if isMessage(value) { return .array([value]) }
        guard let list = value["messages"]?.array, !list.isEmpty, list.allSatisfy(isMessage) else { return nil }
        return value
    }

    /// Whether a text that isn't read as messages begins like messages all the same: cut off, or damaged.
    static func looksDamaged(_ text: String) -> Bool {
        guard mayBegin(text), WrittenValue.read(text, onlyLists: true) == nil else { return false }
        let start = text.prefix(300).filter { !$0.isWhitespace }
        return ["role", "content", "from", "value"].contains { name in
            ["[{'\(name)':", "[{\"\(name)\":", "{'\(name)':", "{\"\(name)\":"].contains { start.hasPrefix($0) }
        }
    }

    static func isMessage(_ value: JSON) -> Bool {
        value["role"]?.string != nil && value["content"] != nil
            || value["role"]?.string != nil && value["tool_calls"] != nil
            || value["from"]?.string != nil && value["value"] != nil
    }

    private static func mayBegin(_ text: String) -> Bool {
        let first = text.utf8.first { !($0 == 0x20 || 0x09...0x0D ~= $0) }
        return first == UInt8(ascii: "[") || first == UInt8(ascii: "{") || text.hasPrefix("array(")
    }
}
