import Glibc

/// Jinja's filters, by name.
enum JinjaFilters {
    static let names: Set<String> = [
        "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape",
        "filesizeformat", "first", "float", "forceescape", "format", "groupby", "indent", "int", "items", "join",
        "last",
        "length", "list", "lower", "map", "max", "min", "pprint", "random", "reject", "rejectattr", "replace",
        "reverse",
        "round", "safe", "select", "selectattr", "slice", "sort", "string", "striptags", "sum", "title", "tojson",
        "trim",
        "truncate", "unique", "upper", "urlencode", "urlize", "wordcount", "wordwrap", "xmlattr",
    ]
}

extension JinjaRenderer {
    func filter(
        _ name: String, _ value: JinjaValue, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        switch name {
        case "default", "d":
            let bound = try bind(values, to: ["default_value", "boolean"], required: 0, of: name)
            let replacesFalse = try isTrue(bound[1] ?? .bool(false))
            let isReplaced = replacesFalse ? !(try isTrue(value)) : value.isUndefined
            return isReplaced ? bound[0] ?? .string(JinjaText()) : value
        case "length", "count":
            _ = try bind(values, to: [], of: name)
            return .integer(try length(value))
        case "tojson": return .string(try json(value, values))
        case "string":
            _ = try bind(values, to: [], of: name)
            return .string(try string(value))
        case "safe", "escape", "e", "forceescape": return .string(try markup(name, value, values))
        case "int", "float", "abs", "round", "filesizeformat": return try numberFilter(name, value, values)
        case "upper", "lower", "capitalize", "title", "trim", "replace", "indent", "truncate", "wordcount", "center",
            "format", "urlencode":
            return try textFilter(name, value, values)
        case "attr":
            let attribute = try bind(values, to: ["name"], of: name)[0] ?? .none
            let text = try text(attribute, "the name of an attribute")
            if case .dictionary = value {
                // Keys are elements, not attributes.
                let found = try self.attribute(text, of: .dictionary(JinjaDictionary([])))
                return found
            }
            return try self.attribute(text, of: value)
        case "pprint", "random", "striptags", "urlize", "wordwrap", "xmlattr":
            throw fail("the filter '\(name)' isn't supported")
        default:
            guard JinjaFilters.names.contains(name) else { throw fail("there is no filter '\(name)'") }
            return try listFilter(name, value, values)
        }
    }

    private func markup(
        _ name: String, _ value: JinjaValue, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaText {
        _ = try bind(values, to: [], of: name)
        var text = try string(value)
        try makeRoom(text.bytes.count)
        try walk(text)
        if name == "forceescape" || name != "safe" && !text.isMarkup { text = text.escapedForHTML }
        text.isMarkup = true
        return text
    }

    // MARK: - Numbers

    private func numberFilter(
        _ name: String, _ value: JinjaValue, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        if let text = value.text, text.bytes.count > 4300 {
            throw fail("a number of \(text.bytes.count) characters is too long")
        }
        switch name {
        case "int":
            let bound = try bind(values, to: ["default", "base"], required: 0, of: name)
            try requireDefined(value)
            let usual = bound[0] ?? .integer(0)
            switch value {
            case .string(let text):
                let base = try bound[1].map { base throws(ChatTemplateError) in try integer(base, "'base'") } ?? 10
                if let number = JinjaNumber.integer(text, base: base) { return .integer(number) }
                guard let number = JinjaNumber.float(text) else { return usual }
                return try whole(number) ?? usual
            case .float(let number):
                guard let result = try whole(number) else {
                    guard number.isNaN else { return usual }
                    return usual
                }
                return result
            default: return value.exactInteger.map { .integer($0) } ?? usual
            }
        case "float":
            let usual = try bind(values, to: ["default"], required: 0, of: name)[0] ?? .float(0)
            try requireDefined(value)
            if let text = value.text { return JinjaNumber.float(text).map { .float($0) } ?? usual }
            return value.number.map { .float($0) } ?? usual
        case "abs":
            _ = try bind(values, to: [], of: name)
            try requireDefined(value)
            if let number = value.exactInteger {
                return number < 0 ? try signed(.integer(number), isNegative: true) : .integer(number)
            }
            guard case .float(let number) = value else { throw fail("'abs' needs a number, not \(value.kind)") }
            return .float(number.magnitude)
        case "round": return try rounded(value, values)
        default: return .string(try fileSize(value, values))
        }
    }

    /// A float without its fraction; nil for what isn't finite.
    private func whole(_ number: Double) throws(ChatTemplateError) -> JinjaValue? {
        guard number.isFinite else { return nil }
        guard let result = Int(exactly: number.rounded(.towardZero)) else {
            throw fail("a whole number grows beyond 64 bits")
        }
        return .integer(result)
    }

    private func rounded(_ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(values, to: ["precision", "method"], required: 0, of: "round")
        try requireDefined(value)
        let precision = try bound[0].map { value throws(ChatTemplateError) in try integer(value, "'precision'") } ?? 0
        guard let number = value.number, precision.magnitude < 300 else {
            throw fail("'round' needs a number, not \(value.kind)")
        }
        switch bound[1]?.text?.string ?? (bound[1] == nil ? "common" : "") {
        case "common":
            if let whole = value.exactInteger {
                guard precision < 0 else { return .integer(whole) }
                guard precision > -18 else { return .integer(0) }
                // Half to even, as Python rounds.
                let unit = (0..<(-precision)).reduce(1) { product, _ in product * 10 }
                let rest = (whole % unit + unit) % unit
                let down = whole - rest
                let isUp = rest * 2 > unit || rest * 2 == unit && (down / unit) % 2 != 0
                return isUp ? try arithmetic(.add, .integer(down), .integer(unit)) : .integer(down)
            }
            guard number.isFinite else { return value }
            if precision < 0 {
                let unit = pow(10, Double(-precision))
                return .float((number / unit).rounded(.toNearestOrEven) * unit)
            }
            return .float(Double(JinjaNumber.printed(number, "f", precision)) ?? number)
        case "ceil": return .float((number * pow(10, Double(precision))).rounded(.up) / pow(10, Double(precision)))
        case "floor": return .float((number * pow(10, Double(precision))).rounded(.down) / pow(10, Double(precision)))
        default: throw fail("the method of 'round' must be common, ceil or floor")
        }
    }

    private func fileSize(_ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaText {
        let isBinary = try isTrue(
            try bind(values, to: ["binary"], required: 0, of: "filesizeformat")[0] ?? .bool(false))
        guard let bytes = value.number ?? value.text.flatMap({ JinjaNumber.float($0) }) else {
            throw fail("'filesizeformat' needs a number, not \(value.kind)")
        }
        let factor = isBinary ? 1024.0 : 1000
        if bytes == 1 { return "1 Byte" }
        if bytes < factor {
            guard let count = Int(exactly: bytes.rounded(.towardZero)) else {
                throw fail("\(bytes) is no number of bytes")
            }
            return JinjaText("\(count) Bytes")
        }
        let letters =
            isBinary ? ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] : ["k", "M", "G", "T", "P", "E", "Z", "Y"]
        var unit = factor
        var place = 0
        while place + 1 < letters.count, bytes >= unit * factor {
            unit *= factor
            place += 1
        }
        return JinjaText(JinjaNumber.printed(bytes / unit, "f", 1) + " " + letters[place] + "B")
    }

    // MARK: - Text

    private func textFilter(
        _ name: String, _ value: JinjaValue, _ values: JinjaValues
    ) throws(ChatTemplateError) -> JinjaValue {
        let text = try string(value)
        try makeRoom(text.bytes.count)
        try name == "trim" || name == "replace" ? scan(text) : walk(text)
        switch name {
        case "trim":
            return .string(try stripped(text, try bind(values, to: ["chars"], required: 0, of: name)[0] ?? .none))
        case "replace":
            let bound = try bind(values, to: ["old", "new", "count"], required: 2, of: name)
            var limit = Int.max
            if let count = bound[2], !count.isNone {
                let count = try integer(count, "'count'")
                limit = count < 0 ? .max : count
            }
            return .string(
                try replaced(text, try string(bound[0] ?? .none), by: try string(bound[1] ?? .none), limit: limit))
        case "indent": return .string(try indented(value, values))
        case "truncate": return try truncated(value, values)
        case "center":
            let width = try bind(values, to: ["width"], required: 0, of: name)[0] ?? .integer(80)
            return .string(try padded(text, to: try integer(width, "the width"), " ", "^c"))
        case "format":
            guard values.named.isEmpty || values.positional.isEmpty else {
                throw fail("'format' takes either positional or named arguments")
            }
            let named = values.named.map { (JinjaValue.text($0.name), $0.value) }
            return .string(
                try formatted(
                    text,
                    percent: values.named.isEmpty
                        ? .tuple(try list(values.positional))
                        : .dictionary(try dictionary(named.map { (key: $0.0, value: $0.1) }))))
        default: break
        }
        _ = try bind(values, to: [], of: name)
        switch name {
        case "title": return .string(text.titledByWords)
        case "wordcount": return .integer(text.wordCount)
        case "urlencode": return .string(try urlEncoded(value))
        default: return .string(text.transformed(by: name) ?? text)
        }
    }

    private func indented(_ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaText {
        let bound = try bind(values, to: ["width", "first", "blank"], required: 0, of: "indent")
        let text = try text(value, "what 'indent' moves in")
        let indent: JinjaText
        if let given = bound[0]?.text {
            indent = given
        } else {
            let width = max(0, try integer(bound[0] ?? .integer(4), "the width"))
            try makeRoom(width)
            indent = JinjaText(bytes: Array(repeating: UInt8(ascii: " "), count: width))
        }
        let indentsBlank = try isTrue(bound[2] ?? .bool(false))
        var whole = text
        whole.append("\n")
        let lines = whole.lines(keepingEnds: false)
        try makeRoom(text.bytes.count + lines.count * (indent.bytes.count + 1))
        var result = try isTrue(bound[1] ?? .bool(false)) ? indent : JinjaText()
        for (place, line) in lines.enumerated() {
            if place > 0 {
                result.append("\n")
                if indentsBlank || !line.isEmpty { result.append(indent) }
            }
            result.append(line)
        }
        return result
    }

    private func truncated(_ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaValue {
        let bound = try bind(values, to: ["length", "killwords", "end", "leeway"], required: 0, of: "truncate")
        let length = try integer(bound[0] ?? .integer(255), "the length")
        let end = try self.text(bound[2] ?? .text("..."), "the end")
        let leeway =
            try bound[3].flatMap { $0.isNone ? nil : $0 }.map { value throws(ChatTemplateError) in
                try integer(value, "the leeway")
            } ?? 5
        guard length >= end.count, leeway >= 0 else { throw fail("'truncate' needs a length of at least its end's") }
        if try self.length(value) <= length + leeway { return value }
        let scalars = try text(value, "what 'truncate' shortens").scalars
        var result = JinjaText(scalars: scalars.prefix(length - end.count))
        if try !isTrue(bound[1] ?? .bool(false)), let space = result.lastOffset(of: " ") {
            result = JinjaText(result.bytes[..<space])
        }
        result.append(end)
        return .string(result)
    }

    private func urlEncoded(_ value: JinjaValue) throws(ChatTemplateError) -> JinjaText {
        switch value {
        case .string, .none, .bool, .integer, .float: return try string(value).percentEncoded(keeping: "/")
        default:
            var pairs = value
            if case .dictionary(let dictionary) = value {
                pairs = .view(JinjaView(part: .items, dictionary: dictionary))
            }
            var result = JinjaText()
            for (place, pair) in try all(pairs).enumerated() {
                let pair = try all(pair)
                guard pair.count == 2 else { throw fail("'urlencode' takes pairs of two") }
                if place > 0 { result.append("&") }
                for (part, end) in zip(pair, ["=", ""]) {
                    let text = try string(part)
                    try walk(text)
                    result.append(text.percentEncoded(keeping: ""))
                    result.append(end)
                }
            }
            try makeRoom(result.bytes.count)
            return result
        }
    }
}

extension JinjaText {
    /// `title`, the filter: a capital at the start and after blanks, hyphens and opening brackets.
    fileprivate var titledByWords: JinjaText {
        var result = JinjaText()
        var isStart = true
        var word: [Unicode.Scalar] = []
        func finish() {
            guard let first = word.first else { return }
            result.append(JinjaText(scalars: [first]).uppercased)
            result.append(JinjaText(scalars: word.dropFirst()).lowercased)
            word = []
        }
        for scalar in scalars {
            isStart = scalar.isPythonSpace || "-({[<".unicodeScalars.contains(scalar)
            if isStart {
                finish()
                result.append(scalar)
            } else {
                word.append(scalar)
            }
        }
        finish()
        return result
    }

    fileprivate var wordCount: Int {
        var count = 0
        var isInside = false
        for scalar in string.unicodeScalars {
            let isWord = scalar == "_" || scalar.isPythonLetter || scalar.properties.numericType != nil
            if isWord, !isInside { count += 1 }
            isInside = isWord
        }
        return count
    }

    fileprivate func percentEncoded(keeping kept: String) -> JinjaText {
        var result = JinjaText()
        for byte in bytes {
            let scalar = Unicode.Scalar(byte)
            if byte < 0x80,
                scalar.isPythonLetter || "0"..."9" ~= scalar || "_.-~".unicodeScalars.contains(scalar)
                    || kept.utf8.contains(byte)
            {
                result.append(scalar)
            } else if byte == UInt8(ascii: " "), kept.isEmpty {
                result.append("+")
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result.append("%" + (digits.count == 1 ? "0" : "") + digits)
            }
        }
        return result
    }
}
