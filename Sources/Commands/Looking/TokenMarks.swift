import Preferences
import Tokenization

/// The marks that set scored tokens apart from what stands before them.
package enum TokenMarks: Sendable {
    /// Two colours in turn, so that the boundaries between tokens are seen; unscored text is dim.
    case colour
    /// Each scored token in brackets.
    case brackets

    /// The longest shown of a prompt's end and of a response's start, in tokens.
    private static let most = (prompt: 40, response: 60)

    /// A response as training sees it, on one line: the end of the prompt, then the scored tokens.
    func line(_ response: PreferenceSet.Response, in set: PreferenceSet, _ tokenizer: Tokenizer?) -> String {
        let prompt = set.tokens[set.comparisons[response.comparison].prompt]
        let before = Array(prompt) + set.tokens[response.tokens.prefix(response.spans.head)]
        let rest = set.tokens[response.tokens.dropFirst(response.spans.head)]
        let shown = TokenMarks.pieces(
            before.suffix(Self.most.prompt), after: before.dropLast(Self.most.prompt), tokenizer)
        let pieces = TokenMarks.pieces(rest.prefix(Self.most.response), after: before[...], tokenizer)
        var text = unscored((before.count > Self.most.prompt ? "… " : "") + shown.joined())
        for (number, piece) in pieces.enumerated() {
            let isScored = !response.spans.gaps.contains { $0.contains(response.spans.head + number) }
            text += isScored ? scored(piece, number) : unscored(piece)
        }
        if rest.count > pieces.count { text += " … and \(rest.count - pieces.count) more" }
        return text
    }

    private func unscored(_ text: String) -> String {
        switch self {
        case .colour: "\u{1B}[2m\(text)\u{1B}[0m"
        case .brackets: text
        }
    }

    private func scored(_ text: String, _ number: Int) -> String {
        switch self {
        case .colour: "\u{1B}[\(number % 2 == 0 ? "32" : "36")m\(text)\u{1B}[0m"
        case .brackets: "[\(text)]"
        }
    }

    /// The text that each token adds to those before it; ids where there is no tokenizer. Line breaks and other controls
    /// are escaped, so that no data can steer the terminal.
    ///
    /// - Parameter context: what stands before them: many tokenizers take the space from a text's first token.
    static func pieces(
        _ tokens: ArraySlice<Int32>, after context: ArraySlice<Int32>, _ tokenizer: Tokenizer?
    ) -> [String] {
        guard let tokenizer else { return tokens.map { " \($0)" } }
        let context = context.suffix(mostContext)
        let ids = context + tokens
        var pieces: [String] = []
        var said = ""
        for count in 1...max(1, ids.count) where !ids.isEmpty {
            let text = tokenizer.decode(Array(ids.prefix(count)), skipSpecialTokens: false)
            // A token that is part of a character says nothing before the character is whole.
            let isWhole = !text.unicodeScalars.reversed().prefix(1).contains("\u{FFFD}")
            guard isWhole || count == ids.count, text.utf8.starts(with: said.utf8) else {
                pieces.append("")
                continue
            }
            let piece = text.utf8.dropFirst(said.utf8.count)
            pieces.append(escaped(String(decoding: Array(piece), as: UTF8.self)))
            said = text
        }
        return Array(pieces.dropFirst(context.count))
    }

    /// Enough for a character of four tokens, and one before it.
    private static let mostContext = 8

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.properties.generalCategory == .control:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
