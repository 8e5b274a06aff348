import Storage

/// A value of a run file as it was written; what a scalar means is up to the key that it belongs to.
///
/// YAML's own typing isn't used: its 1.1 rules read `1e-6` as a string and `no` as false wherever they stand.
package enum YAMLValue: Sendable, Equatable {
    /// `plain`: without quotes.
    case scalar(String, plain: Bool)
    case list([YAMLValue])
    case map([YAMLEntry])

    package static let null = YAMLValue.scalar("null", plain: true)

    package static func plain(_ text: String) -> YAMLValue { .scalar(text, plain: true) }
    package static func string(_ text: String) -> YAMLValue { .scalar(text, plain: false) }
    package static func number(_ number: Double) -> YAMLValue { .plain(YAMLText.number(number)) }

    /// A mapping of its own, that stands in no file.
    package static func mapping(_ members: [(name: String, value: YAMLValue)]) -> YAMLValue {
        .map(members.map { YAMLEntry(key: $0.name, value: $0.value, place: .line(file: "", 0)) })
    }

    package var isNull: Bool {
        guard case .scalar(let text, plain: true) = self else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// Any scalar but null, also one that looks like a number: a folder may be called 7.
    package var text: String? {
        guard case .scalar(let text, _) = self, !isNull else { return nil }
        return text
    }

    package var bool: Bool? {
        guard case .scalar(let text, plain: true) = self else { return nil }
        switch text.lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: return nil
        }
    }

    /// A finite decimal number, with or without a point or an exponent.
    package var number: Double? {
        guard case .scalar(let text, plain: true) = self,
            text.utf8.contains(where: { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            text.utf8.allSatisfy({ "+-.eE0123456789".utf8.contains($0) }),
            let value = Double(text), value.isFinite
        else { return nil }
        return value
    }

    /// A whole number, also when it is written `1e9` or `3.0`.
    package var integer: Int? {
        if case .scalar(let text, plain: true) = self, let value = Int(text) { return value }
        guard let number, number == number.rounded(), abs(number) <= 0x1p53 else { return nil }
        return Int(number)
    }

    package var list: [YAMLValue]? {
        if case .list(let values) = self { values } else { nil }
    }

    package var map: [YAMLEntry]? {
        if case .map(let entries) = self { entries } else { nil }
    }

    /// The value in a message.
    package var found: String {
        switch self {
        case .scalar where isNull: "null"
        case .scalar(let text, plain: true): text.count <= 60 ? text : "\(text.prefix(60))…"
        case .scalar(let text, plain: false): text.count <= 60 ? "the string \"\(text)\"" : "a long string"
        case .list: "a list"
        case .map: "a mapping"
        }
    }

    /// The same value in JSON. Plain scalars that JSON can't hold as they stand are strings.
    package var json: JSON {
        switch self {
        case .scalar where isNull: .null
        case .scalar("true", plain: true): .bool(true)
        case .scalar("false", plain: true): .bool(false)
        case .scalar(let text, let plain):
            if plain, let whole = Int(text) {
                .integer(whole)
            } else if plain, let number {
                .number(number)
            } else {
                .string(text)
            }
        case .list(let values): .array(values.map(\.json))
        case .map(let entries):
            .object(
                entries.reduce(into: JSONObject()) { object, entry in object[entry.key] = entry.value.json })
        }
    }

    package static func == (a: YAMLValue, b: YAMLValue) -> Bool {
        switch (a, b) {
        case (.scalar(let a, let plain), .scalar(let b, let otherPlain)): a == b && plain == otherPlain
        case (.list(let a), .list(let b)): a == b
        case (.map(let a), .map(let b)): a.map(\.key) == b.map(\.key) && a.map(\.value) == b.map(\.value)
        default: false
        }
    }
}

/// A key with its value, and where it stands.
package struct YAMLEntry: Sendable {
    package var key: String
    package var value: YAMLValue
    package var place: Place

    package init(key: String, value: YAMLValue, place: Place) {
        (self.key, self.value, self.place) = (key, value, place)
    }

    /// The entry under its full name, for messages.
    func named(in parent: String) -> YAMLEntry { YAMLEntry(key: "\(parent).\(key)", value: value, place: place) }

    /// The refusal of its value.
    func wrong(_ expected: String) -> RunFileError {
        RunFileError(.wrongValue(place, key: key, found: value.found, expected: expected))
    }

    /// The refusal of a word that may be one of those misspelt.
    func wrong(_ expected: String, near words: [String]) -> RunFileError {
        let nearest = value.text.flatMap { Spelling.nearest(to: $0, in: words) }
        return wrong(expected + (nearest.map { "; did you mean \($0)?" } ?? ""))
    }

    /// The refusal of its key.
    func unknown(in owner: String, keys: [String]) -> RunFileError {
        let hint =
            Spelling.nearest(to: key, in: keys).map { "did you mean \($0)?" }
            ?? "those are \(YAMLText.alternatives(keys, by: "and"))"
        return RunFileError(.foreignKey(place, key: key, remedy: "is no key of \(owner); \(hint)"))
    }
}
