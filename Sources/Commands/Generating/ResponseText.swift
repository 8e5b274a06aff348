import Tokenization
import Training

/// The text of continuations.
struct ResponseText {
    let tokenizer: Tokenizer
    let stops: StopTexts?

    /// The text of a continuation up to the stop that ended it.
    func text(_ ids: [Int32], after prompt: [Int32], isStopped: Bool) -> String {
        let text = tokenizer.text(of: ids, after: prompt)
        guard isStopped, let end = stops?.end(of: text) else { return text }
        return String(text[..<end])
    }
}
