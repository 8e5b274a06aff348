/// Cuts a template into tokens by Jinja's rules for chat templates. The newline after a block tag and the blanks before it
/// are dropped (`trim_blocks`, `lstrip_blocks`), `-` strips all white space on its side, `+` keeps it, and one newline at
/// the end of the template doesn't count.
struct JinjaLexer {
    private let source: [UInt8]
    private var position = 0
    private var line = 1
    private var tokens: [JinjaToken] = []
    /// Whether what was read last ended with a newline.
    private var isLineStart = true

    /// - Throws: `ChatTemplateError.syntax`.
    static func tokens(of template: String) throws(ChatTemplateError) -> [JinjaToken] {
        var lexer = JinjaLexer(template)
        try lexer.root()
        return lexer.tokens
    }

    private init(_ template: String) {
        var source = JinjaLexer.normalizingNewlines(Array(template.utf8))
        if source.last == UInt8(ascii: "\n") { source.removeLast() }
        self.source = source
    }

    private static func normalizingNewlines(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(UInt8(ascii: "\r")) else { return bytes }
        var result: [UInt8] = []
        for (place, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "\r") {
                result.append(UInt8(ascii: "\n"))
            } else if byte != UInt8(ascii: "\n") || place == 0 || bytes[place - 1] != UInt8(ascii: "\r") {
                result.append(byte)
            }
        }
        return result
    }

    private func error(_ reason: String) -> ChatTemplateError { .syntax(line: line, reason: reason) }

    // MARK: - Outside tags

    private enum Opening { case output, tag, comment, raw }

    private mutating func root() throws(ChatTemplateError) {
        while position < source.count {
            let start = position
            guard let (opening, place) = nextOpening() else {
                emit(.data(JinjaText(source[start...])))
                break
            }
            position = place + 2
            let sign = takeSign()
            data(source[start..<place], before: sign, isOutput: opening == .output)
            switch opening {
            case .comment: try comment()
            case .raw: try raw()
            case .output: try tag(.outputStart, until: .outputEnd)
            case .tag: try tag(.tagStart, until: .tagEnd)
            }
        }
        emit(.end)
    }

    private func nextOpening() -> (Opening, at: Int)? {
        var place = position
        while place + 1 < source.count {
            if source[place] == UInt8(ascii: "{") {
                switch source[place + 1] {
                case UInt8(ascii: "{"): return (.output, place)
                case UInt8(ascii: "#"): return (.comment, place)
                case UInt8(ascii: "%"): return (rawStart(after: place + 2) == nil ? .tag : .raw, place)
                default: break
                }
            }
            place += 1
        }
        return nil
    }

    /// Adds the text before a tag, as far as the tag leaves it, and counts its lines.
    private mutating func data(_ part: ArraySlice<UInt8>, before sign: UInt8?, isOutput: Bool) {
        var kept = part
        if sign == UInt8(ascii: "-") {
            kept = part.prefix(JinjaText(part).trimmed(left: false) { $0.isPythonSpace }.bytes.count)
        } else if sign == nil, !isOutput {
            let lineStart = part.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? part.startIndex
            if lineStart > part.startIndex || isLineStart,
                JinjaText(part[lineStart...]).trimmed({ $0.isPythonSpace }).isEmpty
            {
                kept = part[..<lineStart]
            }
        }
        if !kept.isEmpty { emit(.data(JinjaText(kept))) }
        countLines(part)
    }

    private mutating func takeSign() -> UInt8? {
        guard position < source.count, source[position] == UInt8(ascii: "-") || source[position] == UInt8(ascii: "+")
        else { return nil }
        position += 1
        return source[position - 1]
    }

    private mutating func emit(_ kind: JinjaToken.Kind) { tokens.append(JinjaToken(kind: kind, line: line)) }

    private mutating func countLines(_ part: ArraySlice<UInt8>) {
        line += part.count { $0 == UInt8(ascii: "\n") }
    }

    // MARK: - Comments and raw blocks

    private mutating func comment() throws(ChatTemplateError) {
        let start = position
        var place = position
        while place < source.count {
            if let end = closing("#}", at: place) {
                position = end
                countLines(source[start..<end])
                isLineStart = source[end - 1] == UInt8(ascii: "\n")
                return
            }
            place += 1
        }
        // At the very end of a template, Jinja lets an open comment pass.
        guard start == source.count else { throw error("a comment has no end; expected '#}'") }
        position = start
    }

    /// After `{%`: the end of `raw %}`, if that is what follows.
    private func rawStart(after place: Int) -> Int? {
        var place = place
        if place < source.count, source[place] == UInt8(ascii: "-") || source[place] == UInt8(ascii: "+") { place += 1 }
        place = skippingSpace(place)
        guard source[place...].starts(with: "raw".utf8) else { return nil }
        place = skippingSpace(place + 3)
        if source[place...].starts(with: "-%}".utf8) { return skippingSpace(place + 3) }
        return source[place...].starts(with: "%}".utf8) ? place + 2 : nil
    }

    private mutating func raw() throws(ChatTemplateError) {
        // The sign is taken already.
        let start = rawStart(after: position) ?? position
        countLines(source[position..<start])
        isLineStart = source[start - 1] == UInt8(ascii: "\n")
        var place = start
        while place + 1 < source.count {
            if source[place...].starts(with: "{%".utf8) {
                position = place + 2
                let sign = takeSign()
                let word = skippingSpace(position)
                if source[word...].starts(with: "endraw".utf8), let end = closing("%}", at: skippingSpace(word + 6)) {
                    data(source[start..<place], before: sign, isOutput: false)
                    countLines(source[place..<end])
                    position = end
                    isLineStart = source[end - 1] == UInt8(ascii: "\n")
                    return
                }
            }
            place += 1
        }
        guard start == source.count else { throw error("a raw block has no end; expected '{% endraw %}'") }
        position = start
    }

    /// The end of a closing mark with what it swallows: `-` all white space after it, otherwise one newline.
    private func closing(_ mark: StaticString, at place: Int) -> Int? {
        guard place < source.count else { return nil }
        let sign = source[place] == UInt8(ascii: "-") || source[place] == UInt8(ascii: "+") ? source[place] : nil
        let end = place + (sign == nil ? 0 : 1) + mark.utf8CodeUnitCount
        guard end <= source.count,
            source[(end - 2)..<end].elementsEqual(UnsafeBufferPointer(start: mark.utf8Start, count: 2))
        else { return nil }
        switch sign {
        case UInt8(ascii: "-"): return skippingSpace(end)
        case nil: return end < source.count && source[end] == UInt8(ascii: "\n") ? end + 1 : end
        default: return end
        }
    }

    private func skippingSpace(_ start: Int) -> Int {
        var place = start
        while place < source.count, let scalar = scalar(at: place), scalar.isPythonSpace {
            place += UTF8.width(scalar)
        }
        return place
    }

    private func scalar(at place: Int) -> Unicode.Scalar? {
        if source[place] < 0x80 { return Unicode.Scalar(source[place]) }
        return String(decoding: source[place..<min(place + 4, source.count)], as: UTF8.self).unicodeScalars.first
    }

    // MARK: - Inside tags

    private mutating func tag(_ start: JinjaToken.Kind, until end: JinjaToken.Kind) throws(ChatTemplateError) {
        emit(start)
        var open: [UInt8] = []
        while true {
            let before = position
            position = skippingSpace(position)
            countLines(source[before..<position])
            guard position < source.count else { throw error("the template ends inside a tag") }
            if open.isEmpty, let place = tagEnd(end) {
                emit(end)
                countLines(source[position..<place])
                isLineStart = source[place - 1] == UInt8(ascii: "\n")
                position = place
                return
            }
            try token(open: &open)
        }
    }

    private func tagEnd(_ end: JinjaToken.Kind) -> Int? {
        if end == .tagEnd { return closing("%}", at: position) }
        if source[position...].starts(with: "-}}".utf8) { return skippingSpace(position + 3) }
        return source[position...].starts(with: "}}".utf8) ? position + 2 : nil
    }

    private static let signs = [
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
        ".", ":", "|", ",", ";",
    ]

    private mutating func token(open: inout [UInt8]) throws(ChatTemplateError) {
        let byte = source[position]
        if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { return try number() }
        if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") { return try string(quote: byte) }
        if let name = name() {
            emit(.name(name))
            position += name.utf8.count
            return
        }
        guard let sign = JinjaLexer.signs.first(where: { source[position...].starts(with: $0.utf8) }) else {
            throw error("unexpected character '\(scalar(at: position).map { String($0) } ?? "")'")
        }
        switch sign {
        case "(": open.append(UInt8(ascii: ")"))
        case "[": open.append(UInt8(ascii: "]"))
        case "{": open.append(UInt8(ascii: "}"))
        case ")", "]", "}":
            guard let expected = open.popLast() else { throw error("unexpected '\(sign)'") }
            guard expected == byte else {
                throw error("unexpected '\(sign)', expected '\(Unicode.Scalar(expected))'")
            }
        default: break
        }
        emit(.sign(sign))
        position += sign.utf8.count
    }

    private func name() -> String? {
        var end = position
        while end < source.count, let scalar = scalar(at: end) {
            let fits =
                end == position
                ? scalar == "_" || scalar.properties.isXIDStart : scalar.properties.isXIDContinue
            guard fits else { break }
            end += UTF8.width(scalar)
        }
        return end > position ? String(decoding: source[position..<end], as: UTF8.self) : nil
    }

    private mutating func number() throws(ChatTemplateError) {
        let number = JinjaNumberLiteral(source, from: position, afterDot: tokens.last?.kind == .sign("."))
        guard let kind = number.kind else { throw error("the number \(number.text) is out of range") }
        emit(kind)
        position = number.end
    }

    private mutating func string(quote: UInt8) throws(ChatTemplateError) {
        var end = position + 1
        while end < source.count, source[end] != quote { end += source[end] == UInt8(ascii: "\\") ? 2 : 1 }
        guard end < source.count else { throw error("a string has no end") }
        guard let text = JinjaStringLiteral.text(source[(position + 1)..<end]) else {
            throw error("a string holds an escape that is malformed or not supported")
        }
        emit(.string(text))
        countLines(source[position..<end])
        position = end + 1
    }
}
