/// Python's `str` and `repr`.
extension JinjaRenderer {
    /// The text that `{{ value }}` prints.
    func string(_ value: JinjaValue) throws(ChatTemplateError) -> JinjaText {
        switch value {
        case .string(let text): return text
        case .undefined: return JinjaText()
        default: return try representation(value)
        }
    }

    func representation(_ value: JinjaValue) throws(ChatTemplateError) -> JinjaText {
        var result = JinjaText()
        try represent(value, in: &result)
        try makeRoom(result.bytes.count)
        return result
    }

    private func represent(_ value: JinjaValue, in text: inout JinjaText) throws(ChatTemplateError) {
        try step()
        guard text.bytes.count <= Limit.text else { throw fail("a text would grow beyond \(Limit.text >> 20) MB") }
        switch value {
        case .undefined: text.append("Undefined")
        case .none: text.append("None")
        case .bool(let flag): text.append(flag ? "True" : "False")
        case .integer(let number): text.append(String(number))
        case .float(let number): text.append(JinjaNumber.representation(number))
        case .string(let string):
            text.append(string.isMarkup ? "Markup(\(string.quoted.string))" : string.quoted.string)
        case .list(let list): try represent(list.elements, "[", "]", in: &text)
        case .tuple(let list): try represent(list.elements, "(", list.elements.count == 1 ? ",)" : ")", in: &text)
        case .dictionary(let dictionary):
            try represent(members: dictionary.members, in: &text)
        case .view(let view):
            text.append(view.part.rawValue)
            try represent(view.elements, "([", "])", in: &text)
        case .range(let range):
            text.append("range(\(range.start), \(range.stop)\(range.step == 1 ? "" : ", \(range.step)"))")
        case .namespace(let namespace):
            text.append("<Namespace ")
            try represent(members: namespace.members.map { (.string($0.name), $0.value) }, in: &text)
            text.append(">")
        case .loop(let state): text.append("<LoopContext \(state.index + 1)/\(try state.elements.counted())>")
        case .function(.macro(let macro, _)):
            text.append("<Macro \(macro.name.map { JinjaText($0).quoted.string } ?? "anonymous")>")
        case .generator, .cycler, .function:
            throw fail("a value of type \(value.kind) has no text: Python would print an address")
        }
    }

    private func represent(
        _ elements: [JinjaValue], _ start: String, _ end: String, in text: inout JinjaText
    ) throws(ChatTemplateError) {
        text.append(start)
        for (place, element) in elements.enumerated() {
            if place > 0 { text.append(", ") }
            try nestedRepresentation(of: element, in: &text)
        }
        text.append(end)
    }

    private func represent(
        members: [(key: JinjaValue, value: JinjaValue)], in text: inout JinjaText
    ) throws(ChatTemplateError) {
        text.append("{")
        for (place, member) in members.enumerated() {
            if place > 0 { text.append(", ") }
            try represent(member.key, in: &text)
            text.append(": ")
            try nestedRepresentation(of: member.value, in: &text)
        }
        text.append("}")
    }

    private func nestedRepresentation(
        of value: JinjaValue, in text: inout JinjaText
    ) throws(ChatTemplateError) {
        var inner = text
        text = JinjaText()
        try nested { () throws(ChatTemplateError) in try represent(value, in: &inner) }
        text = inner
    }
}

extension JinjaText {
    /// Python's `repr` of text: in single quotes, unless only those occur in it.
    var quoted: JinjaText {
        let quote: Unicode.Scalar =
            bytes.contains(UInt8(ascii: "'")) && !bytes.contains(UInt8(ascii: "\"")) ? "\"" : "'"
        var result = JinjaText()
        result.append(quote)
        for scalar in string.unicodeScalars {
            switch scalar {
            case quote, "\\":
                result.append("\\")
                result.append(scalar)
            case "\n": result.append("\\n")
            case "\r": result.append("\\r")
            case "\t": result.append("\\t")
            case " "..."~": result.append(scalar)
            default:
                if scalar.isPythonPrintable {
                    result.append(scalar)
                } else {
                    result.append(JinjaText.escape(of: scalar))
                }
            }
        }
        result.append(quote)
        return result
    }

    /// The text with HTML's special characters written out, as `escape` does it.
    var escapedForHTML: JinjaText {
        var result = JinjaText()
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "&"): result.append("&amp;")
            case UInt8(ascii: "<"): result.append("&lt;")
            case UInt8(ascii: ">"): result.append("&gt;")
            case UInt8(ascii: "'"): result.append("&#39;")
            case UInt8(ascii: "\""): result.append("&#34;")
            default: result.append(byte: byte)
            }
        }
        result.isMarkup = true
        return result
    }
}

/// Python's ways of writing numbers.
enum JinjaNumber {
    /// `repr` of a float: the shortest digits that give the number back, with an exponent below 1e-4 and from 1e16.
    static func representation(_ number: Double) -> String {
        if number.isNaN { return "nan" }
        if number.isInfinite { return number < 0 ? "-inf" : "inf" }
        let (digits, point) = shortestDigits(number.magnitude)
        let sign = number.sign == .minus ? "-" : ""
        if point > 16 || point < -3 {
            let exponent = point - 1
            let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
            let size = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
            return sign + digits.prefix(1) + fraction + "e" + (exponent < 0 ? "-" : "+") + size
        }
        if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        let zeros = String(repeating: "0", count: max(0, point - digits.count))
        let fraction = digits.dropFirst(point)
        return sign + digits.prefix(point) + zeros + "." + (fraction.isEmpty ? "0" : fraction)
    }

    /// Decimal digits d₁d₂… and the place p of the point: the number is 0.d₁d₂… × 10ᵖ.
    private static func shortestDigits(_ number: Double) -> (String, Int) {
        // Swift prints the shortest digits too, but changes to exponents elsewhere.
        let parts = number.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        var digits = String(mantissa[0]) + (mantissa.count > 1 ? String(mantissa[1]) : "")
        var point = mantissa[0].count + exponent
        while digits.count > 1, digits.first == "0" {
            digits.removeFirst()
            point -= 1
        }
        while digits.count > 1, digits.last == "0" { digits.removeLast() }
        return digits == "0" ? ("0", 1) : (digits, point)
    }

    /// `int(text, base)`. Nil: not a number, or beyond 64 bits.
    static func integer(_ text: JinjaText, base: Int = 10) -> Int? {
        let trimmed = text.trimmed { $0.isPythonSpace }
        var digits = trimmed.scalars[...]
        var sign = ""
        if let first = digits.first, first == "-" || first == "+" {
            sign = String(first)
            digits.removeFirst()
        }
        var base = base
        let prefixes: [(Unicode.Scalar, Int)] = [("x", 16), ("o", 8), ("b", 2)]
        for (letter, radix) in prefixes where base == radix || base == 0 {
            if digits.count > 2, digits.first == "0",
                digits.dropFirst().first?.properties.lowercaseMapping == String(letter)
            {
                digits = digits.dropFirst(2)
                if digits.first == "_" { digits.removeFirst() }
                base = radix
            }
        }
        if base == 0 { base = 10 }
        guard let plain = plainDigits(digits), 2...36 ~= base else { return nil }
        return Int(sign + plain, radix: base)
    }

    /// `float(text)`. Nil: not a number.
    static func float(_ text: JinjaText) -> Double? {
        let trimmed = text.trimmed { $0.isPythonSpace }
        let lower = trimmed.lowercased.string
        let word = lower.hasPrefix("-") || lower.hasPrefix("+") ? String(lower.dropFirst()) : lower
        switch word {
        case "nan": return .nan
        case "inf", "infinity": return lower.hasPrefix("-") ? -.infinity : .infinity
        default: break
        }
        guard let plain = plainDigits(trimmed.scalars[...]),
            plain.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || "+-.eE".utf8.contains($0) })
        else { return nil }
        // Swift wants digits on both sides of a point; Python on one.
        var padded = plain.hasPrefix(".") ? "0" + plain : plain
        for sign in ["-", "+"] where padded.hasPrefix(sign + ".") { padded = sign + "0" + padded.dropFirst(1) }
        if let point = padded.firstIndex(of: ".") {
            let next = padded.index(after: point)
            if next == padded.endIndex || !padded[next].isNumber {
                guard point > padded.startIndex, padded[padded.index(before: point)].isNumber else { return nil }
                padded.insert("0", at: next)
            }
        }
        return plain == "." || padded.isEmpty ? nil : Double(padded)
    }

    /// Decimal digits of any script as ASCII, without `_` between digits.
    private static func plainDigits(_ scalars: ArraySlice<Unicode.Scalar>) -> String? {
        var result = ""
        var isAfterDigit = false
        for place in scalars.indices {
            let scalar = scalars[place]
            if scalar == "_" {
                guard isAfterDigit, place + 1 < scalars.endIndex, scalars[place + 1].properties.isASCIIHexDigit else {
                    return nil
                }
                isAfterDigit = false
                continue
            }
            if scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue {
                result += String(Int(value))
            } else {
                result.unicodeScalars.append(scalar)
            }
            isAfterDigit = scalar.isASCII ? scalar.properties.isASCIIHexDigit : true
        }
        return result.isEmpty ? nil : result
    }
}
