/// The style of `tojson`: Python's `json.dumps`, without the HTML escapes of Jinja's own filter.
struct JinjaJSONStyle {
    var isASCII = false
    /// The indentation of one level; nil for everything on one line.
    var indent: JinjaText?
    var itemSeparator: JinjaText = ", "
    var keySeparator: JinjaText = ": "
    var sortsKeys = false
}

extension JinjaRenderer {
    func json(_ value: JinjaValue, _ values: JinjaValues) throws(ChatTemplateError) -> JinjaText {
        let bound = try bind(
            values, to: ["ensure_ascii", "indent", "separators", "sort_keys"], required: 0, of: "tojson")
        var style = JinjaJSONStyle()
        style.isASCII = try isTrue(bound[0] ?? .bool(false))
        style.sortsKeys = try isTrue(bound[3] ?? .bool(false))
        switch bound[1] ?? .none {
        case .none: break
        case .string(let text): style.indent = text
        case let count:
            let width = min(max(0, try integer(count, "'indent'")), Limit.text)
            style.indent = JinjaText(bytes: Array(repeating: UInt8(ascii: " "), count: width))
        }
        if style.indent != nil { style.itemSeparator = "," }
        if let separators = bound[2], !separators.isNone {
            let pair = try all(separators)
            guard pair.count == 2 else { throw fail("'separators' must be two texts") }
            style.itemSeparator = try text(pair[0], "a separator")
            style.keySeparator = try text(pair[1], "a separator")
        }
        var result = JinjaText()
        try write(value, style, level: 0, in: &result)
        try makeRoom(result.bytes.count)
        return result
    }

    private func write(
        _ value: JinjaValue, _ style: JinjaJSONStyle, level: Int, in text: inout JinjaText
    ) throws(ChatTemplateError) {
        try step()
        guard text.bytes.count <= Limit.text else { throw fail("a text would grow beyond \(Limit.text >> 20) MB") }
        switch value {
        case .none: text.append("null")
        case .bool(let flag): text.append(flag ? "true" : "false")
        case .integer(let number): text.append(String(number))
        case .float(let number): text.append(JinjaRenderer.json(number))
        case .string(let string):
            try walk(string)
            string.writeJSON(isASCII: style.isASCII, in: &text)
        case .list(let list), .tuple(let list):
            try write(list.elements.count, "[", "]", style, level: level, in: &text) {
                place, text throws(ChatTemplateError) in
                try self.write(list.elements[place], style, level: level + 1, in: &text)
            }
        case .dictionary(let dictionary):
            var members = dictionary.members
            if style.sortsKeys { members = try sorted(members) { $0.key } }
            try write(members.count, "{", "}", style, level: level, in: &text) {
                place, text throws(ChatTemplateError) in
                try self.key(members[place].key).writeJSON(isASCII: style.isASCII, in: &text)
                text.append(style.keySeparator)
                try self.write(members[place].value, style, level: level + 1, in: &text)
            }
        default: throw fail("a value of type \(value.kind) can't be written as JSON")
        }
    }

    private func write(
        _ count: Int, _ start: String, _ end: String, _ style: JinjaJSONStyle, level: Int, in text: inout JinjaText,
        _ element: (Int, inout JinjaText) throws(ChatTemplateError) -> Void
    ) throws(ChatTemplateError) {
        func breakLine(_ level: Int) throws(ChatTemplateError) {
            guard let indent = style.indent else { return }
            guard text.bytes.count + indent.bytes.count * level <= Limit.text else {
                throw fail("a text would grow beyond \(Limit.text >> 20) MB")
            }
            text.append("\n")
            for _ in 0..<level { text.append(indent) }
        }
        text.append(start)
        for place in 0..<count {
            if place > 0 { text.append(style.itemSeparator) }
            try breakLine(level + 1)
            try element(place, &text)
        }
        if count > 0 { try breakLine(level) }
        text.append(end)
    }

    private func key(_ key: JinjaValue) throws(ChatTemplateError) -> JinjaText {
        switch key {
        case .string(let text): text
        case .none: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .integer(let number): JinjaText(String(number))
        case .float(let number): JinjaText(JinjaRenderer.json(number))
        default: throw fail("a value of type \(key.kind) can't be a name in JSON")
        }
    }

    private static func json(_ number: Double) -> String {
        if number.isNaN { return "NaN" }
        if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
        return JinjaNumber.representation(number)
    }
}

extension JinjaText {
    fileprivate func writeJSON(isASCII: Bool, in text: inout JinjaText) {
        text.append("\"")
        var copied = 0
        for (place, byte) in bytes.enumerated()
        where byte < 0x20 || byte == 0x22 || byte == 0x5C || isASCII && byte >= 0x7F {
            // Of several bytes of a scalar the first speaks.
            if byte & 0xC0 == 0x80 { continue }
            text.append(bytes[copied..<place])
            var next = place + 1
            while next < bytes.count, bytes[next] & 0xC0 == 0x80 { next += 1 }
            copied = next
            switch byte {
            case UInt8(ascii: "\""): text.append("\\\"")
            case UInt8(ascii: "\\"): text.append("\\\\")
            case UInt8(ascii: "\n"): text.append("\\n")
            case UInt8(ascii: "\r"): text.append("\\r")
            case UInt8(ascii: "\t"): text.append("\\t")
            case 0x08: text.append("\\b")
            case 0x0C: text.append("\\f")
            default:
                for unit in String(decoding: bytes[place..<next], as: UTF8.self).utf16 {
                    text.append("\\" + JinjaText.unicodeEscape(UInt32(unit)))
                }
            }
        }
        text.append(bytes[copied...])
        text.append("\"")
    }

    private static func unicodeEscape(_ unit: UInt32) -> String {
        let digits = String(unit, radix: 16)
        return "u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
