import Storage

/// A value as the key of a dictionary or the member of a set: Python's `==` and `hash`.
struct JinjaKey: Hashable {
    let value: JinjaValue

    static func == (a: JinjaKey, b: JinjaKey) -> Bool { a.value.equals(b.value) }

    func hash(into hasher: inout Hasher) {
        switch value {
        case .string(let text): text.hash(into: &hasher)
        // 1, 1.0 and true are the same key.
        case .bool(let flag): hasher.combine(flag ? 1.0 : 0.0)
        case .integer(let number): hasher.combine(Double(number))
        case .float(let number): hasher.combine(number)
        case .tuple(let list): for element in list.elements { JinjaKey(value: element).hash(into: &hasher) }
        default: break
        }
    }
}

extension JinjaValue {
    /// Python's `==`, which never fails.
    func equals(_ other: JinjaValue) -> Bool {
        switch (self, other) {
        case (.string(let a), .string(let b)): return a == b
        case (.undefined, .undefined), (.none, .none): return true
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            return a === b || a.elements.elementsEqual(b.elements) { $0.equals($1) }
        case (.dictionary(let a), .dictionary(let b)):
            return a === b
                || a.members.count == b.members.count
                    && a.members.allSatisfy { member in b[member.key].map { member.value.equals($0) } ?? false }
        case (.view(let a), .view(let b)) where a.part == b.part && a.part != .values:
            return JinjaValue.dictionary(a.dictionary).equals(.dictionary(b.dictionary))
        case (.range(let a), .range(let b)):
            return a.count == b.count && (a.count == 0 || a.start == b.start && (a.count == 1 || a.step == b.step))
        default: break
        }
        if let a = exactInteger, let b = other.exactInteger { return a == b }
        if let a = number, let b = other.number { return a == b }
        return isSame(as: other)
    }

    /// Python's `is`: the same object.
    func isSame(as other: JinjaValue) -> Bool {
        switch (self, other) {
        case (.none, .none): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)): a === b
        case (.dictionary(let a), .dictionary(let b)): a === b
        case (.generator(let a), .generator(let b)): a === b
        case (.namespace(let a), .namespace(let b)): a === b
        case (.loop(let a), .loop(let b)): a === b
        case (.cycler(let a), .cycler(let b)): a === b
        case (.function(.macro(let a, let frame)), .function(.macro(let b, let otherFrame))):
            frame === otherFrame && a.body.scope == b.body.scope
        default: false
        }
    }

    /// An integer or a boolean, as a number.
    var exactInteger: Int? {
        switch self {
        case .bool(let flag): flag ? 1 : 0
        case .integer(let number): number
        default: nil
        }
    }

    /// Any number; booleans are 0 and 1.
    var number: Double? {
        if case .float(let number) = self { return number }
        return exactInteger.map(Double.init)
    }

    package var text: JinjaText? { if case .string(let text) = self { text } else { nil } }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }
    var isNone: Bool { if case .none = self { true } else { false } }

    var isHashable: Bool {
        switch self {
        case .list, .dictionary, .view: false
        case .tuple(let list): list.elements.allSatisfy(\.isHashable)
        default: true
        }
    }
}

// MARK: - From JSON

extension JinjaValue {
    init(_ json: JSON) {
        switch json {
        case .null: self = .none
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = .integer(number)
        case .number(let number): self = .float(number)
        case .string(let text): self = .string(JinjaText(text))
        case .array(let elements): self = .list(JinjaList(elements.map { JinjaValue($0) }))
        case .object(let object):
            self = .dictionary(JinjaDictionary(names: object.members.map { ($0.name, JinjaValue($0.value)) }))
        }
    }
}
