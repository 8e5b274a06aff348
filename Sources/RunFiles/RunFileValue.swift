/// A value of a run file as it was written; what a scalar means is up to the key that it belongs to.
///
/// YAML's own typing isn't used: its 1.1 rules read `1e-6` as a string and `no` as false wherever they stand.
enum RunFileValue: Sendable, Equatable {
    /// `plain`: without quotes.
    case scalar(String, plain: Bool)
    case list([RunFileValue])
    case map([RunFileEntry])

    var isNull: Bool {
        guard case .scalar(let text, plain: true) = self else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// Any scalar but null, also one that looks like a number: a folder may be called 7.
    package var text: String? {
        guard case .scalar(let text, _) = self, !isNull else { return nil }
        return text
    }

    var bool: Bool? {
        guard case .scalar(let text, plain: true) = self else { return nil }
        switch text.lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: return nil
        }
    }

    /// A finite decimal number, with or without a point or an exponent.
    var number: Double? {
        guard case .scalar(let text, plain: true) = self,
            text.utf8.contains(where: { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            text.utf8.allSatisfy({ "+-.eE0123456789".utf8.contains($0) }),
            let value = Double(text), value.isFinite
        else { return nil }
        return value
    }

    /// A whole number, also when it is written `1e9` or `3.0`.
    var integer: Int? {
        if case .scalar(let text, plain: true) = self, let value = Int(text) { return value }
        guard let number, number == number.rounded(), abs(number) <= 0x1p53 else { return nil }
        return Int(number)
    }

    var map: [RunFileEntry]? {
        if case .map(let entries) = self { entries } else { nil }
    }

    /// For messages.
    var found: String {
        switch self {
        case .scalar where isNull: "null"
        case .scalar(let text, plain: true): text.count <= 60 ? text : "\(text.prefix(60))…"
        case .scalar(let text, plain: false): text.count <= 60 ? "the string \"\(text)\"" : "a long string"
        case .list: "a list"
        case .map: "a mapping"
        }
    }
}

struct RunFileEntry: Sendable, Equatable {
    var key: String
    var value: RunFileValue
    var place: RunFilePlace
}
