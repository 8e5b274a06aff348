import Tokenization

/// A continuation as text while its tokens come: only whole characters, and nothing that may yet be the beginning of a stop.
package struct StreamedText {
    /// The text handed out so far.
    package private(set) var text = ""
    /// Whether a stop ended it.
    package private(set) var isStopped = false
    private let tokenizer: Tokenizer
    private let stops: StopTexts?
    private var tokens: [Int32]
    /// Tokens that were decoded together with the last ones, and those whose text is known.
    private var (window, known): (Int, Int)
    /// Text that isn't handed out yet.
    private var held = ""

    /// Tokens before a continuation that decide how it begins.
    private static let before = 6

    package init(after prompt: [Int32], _ tokenizer: Tokenizer, _ stops: StopTexts?) {
        (self.tokenizer, self.stops) = (tokenizer, stops)
        tokens = prompt.suffix(StreamedText.before)
        (window, known) = (0, tokens.count)
    }

    /// Takes a token; returns the text that can be shown now.
    package mutating func add(_ token: Int32) -> String {
        tokens.append(token)
        let before = decoded(known)
        let whole = decoded(tokens.count)
        // Half a character is decoded as U+FFFD: the next token may complete it.
        guard whole.utf8.count > before.utf8.count, !whole.hasSuffix("\u{FFFD}") else { return "" }
        (window, known) = (known, tokens.count)
        held += String(decoding: whole.utf8.dropFirst(before.utf8.count), as: UTF8.self)
        if let end = stops?.end(of: held) {
            isStopped = true
            held = String(held[..<end])
            return finish()
        }
        return show(held.count - (stops?.begun(in: held) ?? 0))
    }

    /// The rest of the text: nothing comes any more.
    package mutating func finish() -> String {
        if !isStopped, known < tokens.count {
            let (before, whole) = (decoded(known), decoded(tokens.count))
            held += String(decoding: whole.utf8.dropFirst(before.utf8.count), as: UTF8.self)
            known = tokens.count
        }
        return show(held.count)
    }

    private func decoded(_ end: Int) -> String {
        tokenizer.decode(Array(tokens[window..<end]), skipSpecialTokens: true)
    }

    private mutating func show(_ count: Int) -> String {
        let piece = String(held.prefix(count))
        held = String(held.dropFirst(count))
        text += piece
        return piece
    }
}
