import Tokenization

/// What continuations say.
struct ResponseText {
    let tokenizer: Tokenizer
    let stops: StopTexts?

    /// The text of a continuation up to the stop that ended it.
    func text(_ ids: [Int32], after prompt: [Int32], isStopped: Bool) -> String {
        // Decoded after its prompt: alone, a first word might lose its space.
        let before = tokenizer.decode(prompt, skipSpecialTokens: true)
        let whole = tokenizer.decode(prompt + ids, skipSpecialTokens: true)
        let text =
            whole.hasPrefix(before)
            ? String(whole.dropFirst(before.count)) : tokenizer.decode(ids, skipSpecialTokens: true)
        guard isStopped, let end = stops?.end(of: text) else { return text }
        return String(text[..<end])
    }
}
