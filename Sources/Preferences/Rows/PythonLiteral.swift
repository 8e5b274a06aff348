import Storage

/// A value in Python's notation: what `repr` gives of lists, tuples, dictionaries with names for keys, strings, numbers,
/// `True`, `False` and `None`.
///
/// numpy's arrays are read too where they are unambiguous: `array([…], dtype=object)`, and dictionaries in a list with
/// nothing but white space between them. Strings beside each other are refused, since Python would join them.
struct PythonLiteral {
    private let bytes: [UInt8]
    private var position = 0
    private static let deepest = 64

    /// - Returns: nil for a text that isn't one such value from end to end.
    static func read(_ text: String) -> JSON? {
        var literal = PythonLiteral(bytes: Array(text.utf8))
        guard let value = literal.value(depth: 0) else { return .none }
        literal.skipSpace()
        return literal.position == literal.bytes.count ? .some(value) : .none
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || 0x09...0x0D ~= byte { position += 1 }
    }

    private mutating func take(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func value(depth: Int) -> JSON? {
        guard depth < PythonLiteral.deepest else { return nil }
        skipSpace()
        switch next {
        case UInt8(ascii: "["): return list(closedBy: UInt8(ascii: "]"), depth)
        case UInt8(ascii: "("): return list(closedBy: UInt8(ascii: ")"), depth)
        case UInt8(ascii: "{"): return dictionary(depth)
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "a"): return array(depth)
        default:
            if take("None") { return .null }
            if take("True") { return true }
            if take("False") { return false }
            return number()
        }
    }

    private mutating func array(_ depth: Int) -> JSON? {
        guard take("array("), let value = value(depth: depth + 1) else { return nil }
        skipSpace()
        if take(",") {
            skipSpace()
            guard take("dtype=object") else { return nil }
            skipSpace()
        }
        return take(")") ? .some(value) : .none
    }

    private mutating func list(closedBy end: UInt8, _ depth: Int) -> JSON? {
        position += 1
        var elements: [JSON] = []
        while true {
            skipSpace()
            if next == end {
                position += 1
                return .array(elements)
            }
            guard let element = value(depth: depth + 1) else { return nil }
            elements.append(element)
            skipSpace()
            if take(",") { continue }
            // Between dictionaries numpy writes no comma.
            guard next == end || next == UInt8(ascii: "{") && element.object != nil else { return nil }
        }
    }

    private mutating func dictionary(_ depth: Int) -> JSON? {
        position += 1
        var members = JSONObject()
        while true {
            skipSpace()
            if take("}") { return .object(members) }
            guard let name = string(), members[name] == nil else { return nil }
            skipSpace()
            guard take(":"), let value = value(depth: depth + 1) else { return nil }
            members[name] = value
            skipSpace()
            guard take(",") || next == UInt8(ascii: "}") else { return nil }
        }
    }

    private mutating func number() -> JSON? {
        let start = position
        while let byte = next, "+-.0123456789eE_".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if let whole = Int(text) { return .integer(whole) }
        return Double(text).map { .number($0) }
    }

    private mutating func string() -> String? {
        guard let quote = next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            if byte == quote { return String(validating: text, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            guard let escaped = escape() else { return nil }
            text += escaped
        }
        return nil
    }

    /// The bytes for a backslash and what follows it.
    private mutating func escape() -> [UInt8]? {
        guard let letter = next else { return nil }
        position += 1
        switch letter {
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): return [letter]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "x"): return scalar(digits: 2)
        case UInt8(ascii: "u"): return scalar(digits: 4)
        case UInt8(ascii: "U"): return scalar(digits: 8)
        default: return nil
        }
    }

    private mutating func scalar(digits: Int) -> [UInt8]? {
        guard position + digits <= bytes.count else { return nil }
        let text = String(decoding: bytes[position..<position + digits], as: UTF8.self)
        position += digits
        guard let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else { return nil }
        return Array(String(Character(scalar)).utf8)
    }
}
