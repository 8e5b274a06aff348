/// A number in a tag: decimal, binary, octal or hexadecimal, with `_` between digits, or a float with a fraction or an
/// exponent.
struct JinjaNumberLiteral {
    /// Nil for an integer that `Int` can't hold.
    let kind: JinjaToken.Kind?
    let text: String
    let end: Int

    /// - Parameter afterDot: in `list.1.2` the numbers are two integers.
    init(_ source: [UInt8], from start: Int, afterDot: Bool) {
        func digits(_ start: Int, _ isDigit: (UInt8) -> Bool, leading: Bool = false) -> Int {
            var end = start
            while end < source.count {
                if isDigit(source[end]) {
                    end += 1
                } else if source[end] == UInt8(ascii: "_"), end > start || leading, end + 1 < source.count,
                    isDigit(source[end + 1])
                {
                    end += 2
                } else {
                    break
                }
            }
            return end
        }
        func isDecimal(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        func plain(_ range: Range<Int>) -> String {
            String(decoding: source[range].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
        }
        func byte(_ place: Int) -> UInt8 { place < source.count ? source[place] : 0 }

        let whole = digits(start, isDecimal)
        if !afterDot {
            var end = whole
            if byte(end) == UInt8(ascii: "."), isDecimal(byte(end + 1)) { end = digits(end + 1, isDecimal) }
            if byte(end) | 0x20 == UInt8(ascii: "e") {
                let sign = byte(end + 1) == UInt8(ascii: "+") || byte(end + 1) == UInt8(ascii: "-") ? 1 : 0
                if isDecimal(byte(end + 1 + sign)) { end = digits(end + 1 + sign, isDecimal) }
            }
            if end > whole {
                text = plain(start..<end)
                kind = Double(text).map { .float($0) }
                self.end = end
                return
            }
        }
        for (letter, radix) in [("b", 2), ("o", 8), ("x", 16)] {
            guard byte(start) == UInt8(ascii: "0"), byte(start + 1) | 0x20 == letter.utf8.first else { continue }
            let end = digits(
                start + 2, { Character(Unicode.Scalar($0)).hexDigitValue.map { $0 < radix } ?? false }, leading: true)
            if end > start + 2 {
                text = plain(start..<end)
                kind = Int(text.dropFirst(2), radix: radix).map { .integer($0) }
                self.end = end
                return
            }
        }
        // A decimal number doesn't start with 0, unless it is nothing else.
        end = byte(start) == UInt8(ascii: "0") ? digits(start, { $0 == UInt8(ascii: "0") }) : whole
        text = plain(start..<end)
        kind = Int(text).map { .integer($0) }
    }
}

/// The escapes of a Python string literal.
enum JinjaStringLiteral {
    /// - Returns: nil when an escape is malformed, is half of a surrogate pair, or names a character (`\N{…}`).
    static func text(_ bytes: ArraySlice<UInt8>) -> JinjaText? {
        guard bytes.contains(UInt8(ascii: "\\")) else { return JinjaText(bytes) }
        let scalars = JinjaText(bytes).scalars
        var result = JinjaText()
        var place = 0
        func number(_ count: Int, radix: Int, atLeast least: Int) -> Unicode.Scalar? {
            var value: UInt32 = 0
            var taken = 0
            while taken < count, place < scalars.count, let digit = Character(scalars[place]).hexDigitValue,
                scalars[place].isASCII, digit < radix
            {
                value = value &* UInt32(radix) &+ UInt32(digit)
                taken += 1
                place += 1
            }
            return taken < least ? nil : Unicode.Scalar(value)
        }
        while place < scalars.count {
            let scalar = scalars[place]
            place += 1
            guard scalar == "\\", place < scalars.count else {
                result.append(scalar)
                continue
            }
            let letter = scalars[place]
            place += 1
            let escaped: Unicode.Scalar?
            switch letter {
            case "\n": continue
            case "\\", "'", "\"": escaped = letter
            case "a": escaped = "\u{7}"
            case "b": escaped = "\u{8}"
            case "f": escaped = "\u{C}"
            case "n": escaped = "\n"
            case "r": escaped = "\r"
            case "t": escaped = "\t"
            case "v": escaped = "\u{B}"
            case "x": escaped = number(2, radix: 16, atLeast: 2)
            case "u": escaped = number(4, radix: 16, atLeast: 4)
            case "U": escaped = number(8, radix: 16, atLeast: 8)
            case "0"..."7":
                place -= 1
                escaped = number(3, radix: 8, atLeast: 1)
            case "N": escaped = nil
            default:
                // Jinja writes other scalars as ASCII escapes first, so the stray backslash escapes that one's.
                result.append("\\")
                result.append(letter.isASCII ? String(letter) : JinjaText.escape(of: letter, from: 1))
                continue
            }
            guard let escaped else { return nil }
            result.append(escaped)
        }
        return result
    }
}

extension JinjaText {
    /// Python's ASCII escape of a scalar, such as `\xe9`, without its first characters.
    static func escape(of scalar: Unicode.Scalar, from start: Int = 0) -> String {
        let (letter, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
        let digits = String(scalar.value, radix: 16)
        return String(("\\" + letter + String(repeating: "0", count: width - digits.count) + digits).dropFirst(start))
    }
}
