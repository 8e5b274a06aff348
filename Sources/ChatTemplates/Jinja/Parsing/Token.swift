/// A piece of a template.
struct JinjaToken: Sendable {
    enum Kind: Sendable, Equatable {
        /// Text outside tags.
        case data(JinjaText)
        /// `{{`, `}}`, `{%`, `%}`
        case outputStart, outputEnd, tagStart, tagEnd
        case name(String)
        case string(JinjaText)
        case integer(Int)
        case float(Double)
        /// Punctuation, such as `//`.
        case sign(String)
        case end
    }

    let kind: Kind
    let line: Int
}

extension JinjaToken: CustomStringConvertible {
    /// For messages.
    var description: String {
        switch kind {
        case .data: "template text"
        case .outputStart: "'{{'"
        case .outputEnd: "'}}'"
        case .tagStart: "'{%'"
        case .tagEnd: "'%}'"
        case .name(let name): "'\(name)'"
        case .string(let text): "the string \"\(text.string.prefix(40))\""
        case .integer(let value): "\(value)"
        case .float(let value): "\(value)"
        case .sign(let sign): "'\(sign)'"
        case .end: "the end of the template"
        }
    }
}
