import Glibc

/// A format of Python's: `%-8.2f` or what follows the colon in `{:>8.2f}`.
struct JinjaFormat {
    var fill: JinjaText = " "
    /// `<`, `>`, `^` or `=` (between the sign and the digits).
    var alignment: String?
    var sign = ""
    var isAlternate = false
    var grouping = ""
    var width = 0
    var precision: Int?
    var type = ""

    /// - Returns: nil if it isn't one.
    init?(braces text: JinjaText) {
        var scalars = text.scalars[...]
        func take(_ set: String) -> String? {
            guard let first = scalars.first, set.unicodeScalars.contains(first) else { return nil }
            scalars.removeFirst()
            return String(first)
        }
        func number() -> Int? {
            let digits = scalars.prefix { "0"..."9" ~= $0 }
            scalars = scalars[digits.endIndex...]
            return Int(String(String.UnicodeScalarView(digits)))
        }
        if scalars.count > 1, "<>=^".unicodeScalars.contains(scalars[scalars.startIndex + 1]) {
            fill = JinjaText(scalars: [scalars.removeFirst()])
            alignment = take("<>=^")
        } else {
            alignment = take("<>=^")
        }
        sign = take("+- ") ?? ""
        isAlternate = take("#") != nil
        if take("0") != nil, alignment == nil {
            fill = "0"
            alignment = "="
        }
        width = number() ?? 0
        grouping = take(",_") ?? ""
        if take(".") != nil {
            guard let digits = number() else { return nil }
            precision = digits
        }
        type = take("bcdeEfFgGnosxX%") ?? ""
        guard scalars.isEmpty, width < 1 << 16, precision ?? 0 < 1 << 10, type != "n" else { return nil }
    }

    init() {}
}

extension JinjaRenderer {
    // MARK: - str.format

    func formatted(_ format: JinjaText, braces values: JinjaValues) throws(ChatTemplateError) -> JinjaText {
        var automatic = 0
        return try formatted(format.scalars[...], values, &automatic, depth: 2)
    }

    private func formatted(
        _ format: ArraySlice<Unicode.Scalar>, _ values: JinjaValues, _ automatic: inout Int, depth: Int
    ) throws(ChatTemplateError) -> JinjaText {
        guard depth > 0 else { throw fail("a format is nested too deeply") }
        var result = JinjaText()
        var rest = format
        while let scalar = rest.popFirst() {
            if scalar == "{" || scalar == "}", rest.first == scalar {
                rest.removeFirst()
                result.append(scalar)
            } else if scalar == "{" {
                var open = 1
                let start = rest.startIndex
                while open > 0 {
                    guard let next = rest.popFirst() else { throw fail("a '{' of the format has no end") }
                    if next == "{" { open += 1 } else if next == "}" { open -= 1 }
                }
                result.append(try field(format[start..<(rest.startIndex - 1)], values, &automatic, depth: depth))
            } else if scalar == "}" {
                throw fail("a '}' of the format stands alone")
            } else {
                result.append(scalar)
            }
            if result.bytes.count > Limit.text { try makeRoom(result.bytes.count) }
        }
        try makeRoom(result.bytes.count)
        return result
    }

    /// `name.attribute[key]!r:format`
    private func field(
        _ field: ArraySlice<Unicode.Scalar>, _ values: JinjaValues, _ automatic: inout Int, depth: Int
    ) throws(ChatTemplateError) -> JinjaText {
        try step()
        var path = field.prefix { $0 != ":" && $0 != "!" }
        var rest = field[path.endIndex...]
        var conversion: Unicode.Scalar?
        if rest.first == "!" {
            conversion = rest.dropFirst().first
            rest = rest.dropFirst(2)
            guard conversion == "r" || conversion == "s" || conversion == "a", rest.first ?? ":" == ":" else {
                throw fail("a format has an unknown conversion")
            }
        }
        let first = path.prefix { $0 != "." && $0 != "[" }
        path = path[first.endIndex...]
        var value = try start(of: String(String.UnicodeScalarView(first)), values, &automatic)
        while let mark = path.popFirst() {
            let name = path.prefix { mark == "." ? $0 != "." && $0 != "[" : $0 != "]" }
            path = path[name.endIndex...]
            let word = JinjaText(scalars: name)
            guard !word.isEmpty else { throw fail("a format names an empty attribute") }
            if mark == "." {
                value = try attribute(word, of: value)
            } else {
                guard path.popFirst() == "]" else { throw fail("a '[' of the format has no end") }
                value = try element(JinjaNumber.integer(word).map { .integer($0) } ?? .string(word), of: value)
            }
        }
        switch conversion {
        case "r", "a": value = .string(try representation(value))
        case "s": value = .string(try string(value))
        default: break
        }
        let specification = try formatted(rest.dropFirst(), values, &automatic, depth: depth - 1)
        return try formatted(value, specification)
    }

    private func start(
        of name: String, _ values: JinjaValues, _ automatic: inout Int
    ) throws(ChatTemplateError) -> JinjaValue {
        if let place = name.isEmpty ? automatic : Int(name) {
            if name.isEmpty { automatic += 1 }
            guard values.positional.indices.contains(place) else { throw fail("the format needs more arguments") }
            return values.positional[place]
        }
        guard let value = values.named.first(where: { $0.name == name })?.value else {
            throw fail("the format needs an argument '\(name)'")
        }
        return value
    }

    private func formatted(_ value: JinjaValue, _ specification: JinjaText) throws(ChatTemplateError) -> JinjaText {
        if specification.isEmpty { return try string(value) }
        guard let format = JinjaFormat(braces: specification) else {
            throw fail("the format '\(specification.string.prefix(40))' isn't supported")
        }
        switch value {
        case .string(let text):
            guard format.type.isEmpty || format.type == "s", format.sign.isEmpty, format.alignment != "=" else {
                throw fail("the format '\(specification.string)' is not for text")
            }
            let cut =
                try format.precision.map { count throws(ChatTemplateError) in
                    JinjaText(scalars: text.scalars.prefix(count))
                } ?? text
            return try padded(cut, to: format.width, format.fill, format.alignment ?? "<")
        case .bool where format.type.isEmpty || format.type == "s":
            throw fail("the format '\(specification.string)' is not for a boolean here")
        case .bool, .integer, .float: return try number(value, format)
        default: throw fail("a value of type \(value.kind) takes no format")
        }
    }

    // MARK: - %

    /// `'…%s…' % values`
    func formatted(_ format: JinjaText, percent value: JinjaValue) throws(ChatTemplateError) -> JinjaText {
        var values: [JinjaValue] = [value]
        if case .tuple(let list) = value { values = list.elements }
        var used = 0
        var isNamed = false
        var result = JinjaText()
        var rest = format.scalars[...]
        func number() throws(ChatTemplateError) -> Int? {
            if rest.first == "*" {
                rest.removeFirst()
                guard used < values.count else { throw fail("the format needs more values") }
                used += 1
                return try integer(values[used - 1], "a width")
            }
            let digits = rest.prefix { "0"..."9" ~= $0 }
            rest = rest[digits.endIndex...]
            return Int(String(String.UnicodeScalarView(digits)))
        }
        while let scalar = rest.popFirst() {
            guard scalar == "%" else {
                result.append(scalar)
                continue
            }
            try step()
            var argument: JinjaValue?
            if rest.first == "(" {
                let name = rest.dropFirst().prefix { $0 != ")" }
                rest = rest[name.endIndex...].dropFirst()
                guard case .dictionary(let members) = value, let member = members[JinjaText(scalars: name)] else {
                    throw fail("the format needs a value '\(String(String.UnicodeScalarView(name)))'")
                }
                argument = member
                isNamed = true
            }
            var layout = JinjaFormat()
            while let flag = rest.first, "-+ #0".unicodeScalars.contains(flag) {
                rest.removeFirst()
                switch flag {
                case "-": layout.alignment = "<"
                case "0": layout.fill = "0"
                case "#": layout.isAlternate = true
                case "+": layout.sign = "+"
                default: if layout.sign.isEmpty { layout.sign = " " }
                }
            }
            layout.width = try number() ?? 0
            if layout.width < 0 {
                layout.alignment = "<"
                layout.width = -layout.width
            }
            if rest.first == "." {
                rest.removeFirst()
                layout.precision = max(0, try number() ?? 0)
            }
            guard layout.width < 1 << 16, layout.precision ?? 0 < 1 << 10 else { throw fail("a format is too wide") }
            while let length = rest.first, "hlL".unicodeScalars.contains(length) { rest.removeFirst() }
            guard let type = rest.popFirst() else { throw fail("the format ends inside a '%'") }
            if type == "%" {
                result.append(type)
                continue
            }
            if argument == nil {
                guard used < values.count else { throw fail("the format needs more values") }
                argument = values[used]
                used += 1
            }
            result.append(try percent(String(type), argument ?? .none, layout))
            if result.bytes.count > Limit.text { try makeRoom(result.bytes.count) }
        }
        // What can be asked for a key may be left over.
        switch value {
        case .dictionary, .list, .range, .undefined: isNamed = true
        default: break
        }
        guard used == values.count || isNamed else { throw fail("the format doesn't use all its values") }
        try makeRoom(result.bytes.count)
        return result
    }

    private func percent(
        _ type: String, _ value: JinjaValue, _ layout: JinjaFormat
    ) throws(ChatTemplateError) -> JinjaText {
        var layout = layout
        layout.type = type == "i" || type == "u" ? "d" : type
        switch layout.type {
        case "s", "r", "a":
            var text = type == "s" ? try string(value) : try representation(value)
            if let count = layout.precision { text = JinjaText(scalars: text.scalars.prefix(count)) }
            return try padded(text, to: layout.width, " ", layout.alignment ?? ">")
        case "c":
            if let text = value.text {
                guard text.count == 1 else { throw fail("'%c' needs one character") }
                return try padded(text, to: layout.width, " ", layout.alignment ?? ">")
            }
            return try number(value, layout)
        case "d", "o", "x", "X", "e", "E", "f", "F", "g", "G":
            try requireDefined(value)
            if layout.alignment == nil { layout.alignment = layout.fill == "0" ? "=" : ">" } else { layout.fill = " " }
            if layout.type == "d", case .float(let number) = value {
                guard let whole = Int(exactly: number.rounded(.towardZero)) else {
                    throw fail("'%d' needs a whole number")
                }
                return try self.number(.integer(whole), layout)
            }
            return try number(value, layout)
        default: throw fail("unknown format '%\(type)'")
        }
    }

    // MARK: - Numbers

    private func number(_ value: JinjaValue, _ format: JinjaFormat) throws(ChatTemplateError) -> JinjaText {
        var digits: String
        var isNegative = false
        var prefix = ""
        if let number = value.exactInteger, !["e", "E", "f", "F", "g", "G", "%"].contains(format.type) {
            isNegative = number < 0
            let radix = ["b": 2, "o": 8, "x": 16, "X": 16][format.type] ?? 10
            guard format.type != "s" else { throw fail("the format 's' is not for numbers") }
            if format.type == "c" {
                guard let scalar = UInt32(exactly: number).flatMap(Unicode.Scalar.init) else {
                    throw fail("\(number) is not a character")
                }
                return try padded(JinjaText(scalars: [scalar]), to: format.width, format.fill, format.alignment ?? "<")
            }
            digits = String(number.magnitude, radix: radix, uppercase: format.type == "X")
            if let precision = format.precision, precision > digits.count {
                digits = String(repeating: "0", count: precision - digits.count) + digits
            }
            if format.isAlternate, radix != 10 { prefix = "0" + format.type }
        } else {
            guard let number = value.number, !["b", "c", "d", "o", "x", "X", "s"].contains(format.type) else {
                throw fail("the format '\(format.type)' is not for a value of type \(value.kind)")
            }
            isNegative = number.sign == .minus && !number.isNaN
            digits = JinjaNumber.digits(number.magnitude, format)
        }
        if !format.grouping.isEmpty {
            let whole = digits.prefix { $0.isHexDigit && $0 != "e" }
            let isDecimal = ["", "d", "e", "E", "f", "F", "g", "G", "%"].contains(format.type)
            digits =
                JinjaNumber.grouped(String(whole), by: format.grouping, every: isDecimal ? 3 : 4)
                + digits.dropFirst(whole.count)
        }
        let sign = (isNegative ? "-" : format.sign == "-" ? "" : format.sign) + prefix
        if format.alignment == "=" {
            let missing = max(0, format.width - sign.count - digits.count)
            return JinjaText(sign + String(repeating: format.fill.string, count: missing) + digits)
        }
        return try padded(JinjaText(sign + digits), to: format.width, format.fill, format.alignment ?? ">")
    }
}

extension JinjaNumber {
    fileprivate static func digits(_ number: Double, _ format: JinjaFormat) -> String {
        let isUpper = ["E", "F", "G"].contains(format.type)
        if !number.isFinite {
            let word = number.isNaN ? "nan" : "inf"
            return (isUpper ? word.uppercased() : word) + (format.type == "%" ? "%" : "")
        }
        switch format.type {
        case "" where format.precision == nil: return representation(number)
        case "":
            // Like g, and with a digit after the point.
            let text = printed(number, "g", max(1, format.precision ?? 6))
            return text.contains(".") || text.contains("e") ? text : text + ".0"
        case "%": return printed(number * 100, "f", format.precision ?? 6) + "%"
        case "g", "G": return printed(number, format.type, max(1, format.precision ?? 6))
        default: return printed(number, format.type, format.precision ?? 6)
        }
    }

    /// The C library's digits, which are exact and rounded half to even, as Python's are.
    static func printed(_ number: Double, _ type: String, _ precision: Int) -> String {
        withVaList([Int32(precision), number]) { values in
            let size = Int(vsnprintf(nil, 0, "%.*\(type)", values)) + 1
            return withVaList([Int32(precision), number]) { values in
                String(
                    unsafeUninitializedCapacity: size
                ) { buffer in
                    buffer.withMemoryRebound(to: CChar.self) {
                        Int(vsnprintf($0.baseAddress, size, "%.*\(type)", values))
                    }
                }
            }
        }
    }

    fileprivate static func grouped(_ digits: String, by separator: String, every count: Int) -> String {
        var result = ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % count == 0 { result += separator }
            result.append(digit)
        }
        return result
    }
}
