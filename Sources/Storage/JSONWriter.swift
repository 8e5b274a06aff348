extension JSON {
    /// The value as one line of JSON text; numbers are the shortest that read back the same, non-finite ones are null.
    package var text: String { serialized(indent: nil) }

    /// The value over several lines, two spaces a level, as Hugging Face's tools write their files, with a newline at
    /// the end.
    package var prettyText: String { serialized(indent: 0) + "\n" }

    private func serialized(indent: Int?) -> String {
        var output = ""
        write(to: &output, indent: indent)
        return output
    }

    private func write(to output: inout String, indent: Int?) {
        switch self {
        case .null: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .integer(let value): output += String(value)
        case .number(let value): output += value.isFinite ? "\(value)" : "null"
        case .string(let value): JSON.quote(value, to: &output)
        case .array(let elements):
            JSON.writeList(open: "[", close: "]", elements, to: &output, indent: indent) { element, output, inner in
                element.write(to: &output, indent: inner)
            }
        case .object(let object):
            JSON.writeList(open: "{", close: "}", object.members, to: &output, indent: indent) {
                member, output, inner in
                JSON.quote(member.name, to: &output)
                output += ": "
                member.value.write(to: &output, indent: inner)
            }
        }
    }

    private static func writeList<Element>(
        open: String, close: String, _ elements: [Element], to output: inout String, indent: Int?,
        _ write: (Element, inout String, Int?) -> Void
    ) {
        output += open
        let inner = indent.map { $0 + 2 }
        for (place, element) in elements.enumerated() {
            if place > 0 { output += inner == nil ? ", " : "," }
            if let inner { output += "\n" + String(repeating: " ", count: inner) }
            write(element, &output, inner)
        }
        if let indent, !elements.isEmpty { output += "\n" + String(repeating: " ", count: indent) }
        output += close
    }

    private static func quote(_ text: String, to output: inout String) {
        output += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }
}
