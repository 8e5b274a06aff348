/// A JSON value that keeps what Foundation's parsers lose. That is the order of keys, the difference between `1`, `1.0` and
/// `true`, and the byte offset at which a text is wrong. Duplicate keys are refused, since two readers would disagree about
/// which one counts.
package enum JSON: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object(JSONObject)
}

/// An ordered JSON object: members in file order, looked up by name in O(1).
package struct JSONObject: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package private(set) var members: [(name: String, value: JSON)] = []
    private var index: [Name: Int] = [:]

    /// A name compared by its bytes. Swift takes "é" written as one scalar and as two for the same `String`; JSON
    /// doesn't, and vocabularies hold both.
    private struct Name: Hashable {
        let text: String

        init(_ text: String) {
            var text = text
            text.makeContiguousUTF8()
            self.text = text
        }

        static func == (a: Name, b: Name) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

        func hash(into hasher: inout Hasher) {
            var text = text
            text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    package init() {}

    package init(dictionaryLiteral elements: (String, JSON)...) {
        for (name, value) in elements { self[name] = value }
    }

    package var names: [String] { members.map(\.name) }
    package var isEmpty: Bool { members.isEmpty }

    /// The value of a member; setting `nil` removes it, setting a new name appends it.
    package subscript(name: String) -> JSON? {
        get { index[Name(name)].map { members[$0].value } }
        set {
            switch (index[Name(name)], newValue) {
            case (let place?, let value?): members[place].value = value
            case (nil, let value?):
                index[Name(name)] = members.count
                members.append((name, value))
            case (let place?, nil):
                members.remove(at: place)
                index = Dictionary(uniqueKeysWithValues: members.enumerated().map { (Name($1.name), $0) })
            case (nil, nil): break
            }
        }
    }

    /// Appends a member of a new name; false if the name is there already.
    mutating func append(_ name: String, _ value: JSON) -> Bool {
        guard index.updateValue(members.count, forKey: Name(name)) == nil else { return false }
        members.append((name, value))
        return true
    }

    /// The same members, in whatever order.
    package static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.members.count == b.members.count && a.members.allSatisfy { b[$0.name] == $0.value }
    }
}

// MARK: - Equality

extension JSON: Equatable {
    /// Strings are compared by their bytes, like names; `1` and `1.0` differ, as they do in a file.
    package static func == (a: JSON, b: JSON) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }
}

// MARK: - Typed access

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(nilLiteral: ()) { self = .null }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        var object = JSONObject()
        for (name, value) in elements { object[name] = value }
        self = .object(object)
    }

    package var isNull: Bool { self == .null }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// A whole number, also when it is written `3.0`.
    package var integer: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// Any number.
    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// A member of an object; `nil` for anything else.
    package subscript(name: String) -> JSON? { object?[name] }

    /// The kind of this value in JSON's words, for error messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}
