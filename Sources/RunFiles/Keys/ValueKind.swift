import Objectives
import Storage

/// A kind of value: how it is read from YAML, written again, and described to people and editors.
struct ValueKind<Value: Sendable & Equatable>: Sendable {
    /// The expected value in words: "a whole number, 1 or more".
    let words: String
    /// The same as a JSON Schema.
    let schema: JSON
    let read: @Sendable (YAMLEntry) throws(RunFileError) -> Value
    /// The value as it stands in a resolved run.
    let write: @Sendable (Value) -> YAMLValue

    /// The kind of a key that may be left empty.
    var optional: ValueKind<Value?> {
        let kind = self
        return ValueKind<Value?>(words: words, schema: schema) { entry throws(RunFileError) in
            try kind.read(entry)
        } write: { value in
            value.map(kind.write) ?? .null
        }
    }
}

extension ValueKind where Value == String {
    static let text = ValueKind(words: "some text", schema: ["type": ["string", "number"]]) {
        entry throws(RunFileError) in
        guard let text = entry.value.text, !text.isEmpty else { throw entry.wrong("some text") }
        return text
    } write: {
        .string($0)
    }
}

extension ValueKind where Value == Bool {
    static let flag = ValueKind(words: "true or false", schema: ["type": "boolean"]) { entry throws(RunFileError) in
        guard let flag = entry.value.bool else { throw entry.wrong("true or false") }
        return flag
    } write: {
        .plain("\($0)")
    }
}

extension ValueKind where Value == Int {
    /// The upper limit keeps products of such numbers (pairs × accumulation × ranks) within 64 bits.
    static func whole(from least: Int, to most: Int = Int(Int32.max)) -> ValueKind {
        let words =
            most == Int(Int32.max) || most == .max
            ? "a whole number, \(least) or more" : "a whole number from \(least) to \(most)"
        return ValueKind(
            words: words, schema: ["type": "integer", "minimum": .integer(least), "maximum": .integer(most)]
        ) { entry throws(RunFileError) in
            guard let integer = entry.value.integer, integer >= least else { throw entry.wrong(words) }
            guard integer <= most else { throw entry.wrong("a whole number from \(least) to \(most)") }
            return integer
        } write: {
            .plain("\($0)")
        }
    }
}

extension ValueKind where Value == Double {
    static func number(_ range: NumberRange, to most: Double? = nil) -> ValueKind {
        let words = range.words + (most.map { " and at most \(YAMLText.number($0))" } ?? "")
        return ValueKind(words: words, schema: range.schema) { entry throws(RunFileError) in
            guard let number = entry.value.number, range.contains(number), number <= most ?? .infinity else {
                throw entry.wrong(words)
            }
            return number
        } write: {
            .number($0)
        }
    }
}

extension ValueKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of an enumeration's raw values, or a word that other trainers have for one of them.
    static func choice(_ type: Value.Type = Value.self, synonyms: [String: Value] = [:]) -> ValueKind {
        let names = Value.allCases.map(\.rawValue)
        let words = YAMLText.alternatives(names)
        let known = names + synonyms.keys.sorted()
        return ValueKind(words: words, schema: ["enum": .array(known.map { .string($0) })]) {
            entry throws(RunFileError) in
            guard let word = entry.value.text, let choice = Value(rawValue: word) ?? synonyms[word] else {
                throw entry.wrong(words, near: known)
            }
            return choice
        } write: {
            .string($0.rawValue)
        }
    }
}

extension ValueKind where Value == [String] {
    /// One name, or a list of them.
    static let names = ValueKind(
        words: "a name, or a list of names",
        schema: ["anyOf": [["type": "string"], ["type": "array", "items": ["type": "string"], "minItems": 1]]]
    ) { entry throws(RunFileError) in
        if let name = entry.value.text, !name.isEmpty { return [name] }
        guard case .list(let values) = entry.value, !values.isEmpty else { throw entry.wrong("a list of names") }
        var names: [String] = []
        for value in values {
            guard let name = value.text, !name.isEmpty else { throw entry.wrong("a list of names") }
            names.append(name)
        }
        return names
    } write: { names in
        names.isEmpty ? .null : .list(names.map { .string($0) })
    }
}

extension NumberRange {
    var schema: JSON {
        switch self {
        case .any: ["type": "number"]
        case .positive: ["type": "number", "exclusiveMinimum": 0]
        case .nonNegative: ["type": "number", "minimum": 0]
        case .negative: ["type": "number", "exclusiveMaximum": 0]
        case .share: ["type": "number", "minimum": 0, "maximum": 1]
        case .below(let limit): ["type": "number", "minimum": 0, "exclusiveMaximum": .number(limit)]
        case .positiveBelow(let limit):
            ["type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": .number(limit)]
        }
    }
}
