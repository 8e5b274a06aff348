import Glibc

/// Why a text is not JSON, and where.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Byte offset into the text.
    package let offset: Int
    package let reason: String

    package init(offset: Int, reason: String) {
        self.offset = offset
        self.reason = reason
    }

    package var description: String { "not valid JSON at byte \(offset): \(reason)" }
}

extension JSON {
    /// Parses one JSON text (RFC 8259) of at most `depth` lists and objects inside each other, so that a hostile text
    /// can't exhaust the stack. Whole numbers that `Int` can't hold become `.number`; other numbers beyond `Double` are
    /// errors.
    /// - Throws: `JSONError` with the byte offset of the first thing wrong.
    package static func parse(_ bytes: UnsafeRawBufferPointer, depth: Int = 128) throws(JSONError) -> JSON {
        var parser = JSONParser(bytes: bytes, depth: depth)
        let value = try parser.value()
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.error("more text follows the value") }
        return value
    }

    package static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSON {
        try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in try parse(UnsafeRawBufferPointer(buffer)) }
    }

    package static func parse(_ text: String) throws(JSONError) -> JSON { try parse(Array(text.utf8)) }
}

private struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    var depth: Int
    var position = 0

    func error(_ reason: String, at offset: Int? = nil) -> JSONError {
        JSONError(offset: offset ?? position, reason: reason)
    }

    /// The byte at `position`, or 0 past the end (no JSON token holds a raw 0).
    var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

    mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    mutating func value() throws(JSONError) -> JSON {
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "N"), UInt8(ascii: "I"): throw error(Self.noNumber)
        default: throw error(position < bytes.count ? "expected a value" : "the text ends where a value is expected")
        }
    }

    /// The message on NaN and Infinity, which Python's `json` writes all the same.
    private static let noNumber = "JSON has no NaN and no Infinity (Python writes them); write null where there is no number"

    mutating func literal(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        guard position + word.utf8CodeUnitCount <= bytes.count,
            memcmp(bytes.baseAddress! + position, word.utf8Start, word.utf8CodeUnitCount) == 0
        else { throw error("expected \(word)") }
        position += word.utf8CodeUnitCount
        return value
    }

    mutating func object() throws(JSONError) -> JSON {
        guard depth > 0 else { throw error("nested too deeply") }
        depth -= 1
        defer { depth += 1 }
        position += 1
        var object = JSONObject()
        skipSpace()
        if current == UInt8(ascii: "}") {
            position += 1
            return .object(object)
        }
        while true {
            skipSpace()
            let start = position
            guard current == UInt8(ascii: "\"") else { throw error("expected a member name in quotes") }
            let name = try string()
            skipSpace()
            guard current == UInt8(ascii: ":") else { throw error("expected ':' after a member name") }
            position += 1
            guard object.append(name, try value()) else {
                throw error("the name \"\(name)\" appears twice in one object", at: start)
            }
            skipSpace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return .object(object)
            default: throw error("expected ',' or '}'")
            }
        }
    }

    mutating func array() throws(JSONError) -> JSON {
        guard depth > 0 else { throw error("nested too deeply") }
        depth -= 1
        defer { depth += 1 }
        position += 1
        var elements: [JSON] = []
        skipSpace()
        if current == UInt8(ascii: "]") {
            position += 1
            return .array(elements)
        }
        while true {
            elements.append(try value())
            skipSpace()
            switch current {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return .array(elements)
            default: throw error("expected ',' or ']'")
            }
        }
    }

    mutating func number() throws(JSONError) -> JSON {
        let start = position
        if current == UInt8(ascii: "-") { position += 1 }
        let digits = position
        skipDigits()
        guard position > digits, bytes[digits] != UInt8(ascii: "0") || position == digits + 1 else {
            throw error(current == UInt8(ascii: "I") ? Self.noNumber : "not a number", at: start)
        }
        var whole = true
        if current == UInt8(ascii: ".") {
            whole = false
            position += 1
            let fraction = position
            skipDigits()
            guard position > fraction else { throw error("not a number", at: start) }
        }
        if current | 0x20 == UInt8(ascii: "e") {
            whole = false
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            let exponent = position
            skipDigits()
            guard position > exponent else { throw error("not a number", at: start) }
        }
        let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
        if whole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw error("the number is out of range", at: start) }
        return .number(value)
    }

    mutating func skipDigits() {
        while current >= UInt8(ascii: "0"), current <= UInt8(ascii: "9") { position += 1 }
    }

    mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\"),
            bytes[position] >= 0x20
        { position += 1 }
        if current == UInt8(ascii: "\"") {
            let text = try validated(UnsafeRawBufferPointer(rebasing: bytes[start..<position]), from: start)
            position += 1
            return text
        }
        var buffer = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return try validated(buffer, from: start)
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &buffer)
            case 0..<0x20: throw error("a control character must be escaped in a string")
            default:
                buffer.append(byte)
                position += 1
            }
        }
        throw error("the string that starts here has no end", at: start - 1)
    }

    func validated(_ utf8: some Sequence<UInt8>, from start: Int) throws(JSONError) -> String {
        guard let text = String(validating: utf8, as: UTF8.self) else {
            throw error("the string that starts here is not UTF-8", at: start - 1)
        }
        return text
    }

    mutating func escape(into buffer: inout [UInt8]) throws(JSONError) {
        let letter = current
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(letter)
        case UInt8(ascii: "b"): buffer.append(0x08)
        case UInt8(ascii: "f"): buffer.append(0x0C)
        case UInt8(ascii: "n"): buffer.append(0x0A)
        case UInt8(ascii: "r"): buffer.append(0x0D)
        case UInt8(ascii: "t"): buffer.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if 0xD800..<0xDC00 ~= code, current == UInt8(ascii: "\\"), position + 1 < bytes.count,
                bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                let low = try hexadecimal()
                guard 0xDC00..<0xE000 ~= low else { throw error("half of a surrogate pair", at: position - 6) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("half of a surrogate pair", at: position - 6) }
            buffer.append(contentsOf: UTF8.encode(scalar)!)
        default: throw error("unknown escape", at: position - 2)
        }
    }

    mutating func hexadecimal() throws(JSONError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw error("\\u needs four hexadecimal digits") }
        var code: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[position]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw error("\\u needs four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
