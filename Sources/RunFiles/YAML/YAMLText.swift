/// YAML as this program writes it: understood alike by any YAML reader and by our own.
enum YAMLText {
    /// The shortest digits that give the number back, whole numbers without a point.
    static func number(_ value: Double) -> String {
        guard value == value.rounded(), abs(value) < 1e15 else {
            // YAML 1.1 reads `1e-06` as a string and `1.0e-06` as a number.
            let text = "\(value)"
            guard let e = text.firstIndex(of: "e"), !text[..<e].contains(".") else { return text }
            return text[..<e] + ".0" + text[e...]
        }
        return String(Int(value))
    }

    /// A key with its value: lists and mappings that hold others over several lines, all else on one.
    static func line(_ key: String, _ value: YAMLValue) -> String {
        switch value {
        case .map(let entries) where !entries.isEmpty:
            "\(key):\n" + entries.map { "  \(string($0.key)): \(inline($0.value))\n" }.joined()
        case .list(let values) where values.contains(where: { $0.map != nil }):
            "\(key):\n" + values.map { "  - \(inline($0))\n" }.joined()
        default: "\(key): \(inline(value))\n"
        }
    }

    /// A value on one line.
    static func inline(_ value: YAMLValue) -> String {
        switch value {
        case .scalar(let text, plain: true): text
        case .scalar(let text, plain: false): string(text)
        case .list(let values): "[\(values.map(inline).joined(separator: ", "))]"
        case .map(let entries):
            "{\(entries.map { "\(string($0.key)): \(inline($0.value))" }.joined(separator: ", "))}"
        }
    }

    /// Bare when no reader can take it for anything but a string, otherwise in double quotes.
    static func string(_ text: String) -> String {
        let first = text.utf8.first ?? 0
        let isPlain =
            (UInt8(ascii: "a")...UInt8(ascii: "z") ~= first || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= first
                || first == UInt8(ascii: "/"))
            && text.utf8.allSatisfy { plainBytes.contains($0) }
            && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(text.lowercased())
        return isPlain ? text : quoted(text)
    }

    /// "a, b or c".
    static func alternatives(_ words: [String], by conjunction: String = "or") -> String {
        words.count < 2
            ? words.joined()
            : words.dropLast().joined(separator: ", ") + " \(conjunction) " + words[words.count - 1]
    }

    private static let plainBytes = Set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./".utf8)

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _
            where scalar.value < 0x20 || (0x7F...0xA0).contains(scalar.value) || scalar.value == 0xFEFF
                || scalar.value == 0x2028 || scalar.value == 0x2029:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
