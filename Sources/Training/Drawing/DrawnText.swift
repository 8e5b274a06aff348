import Preferences
import Rewards
import Storage
import Tokenization

extension Tokenizer {
    /// The text that follows a prompt: decoded after it, since alone a first word might lose its space.
    package func text(of response: some Sequence<Int32>, after prompt: [Int32]) -> String {
        let response = Array(response)
        let before = decode(prompt, skipSpecialTokens: true)
        let whole = decode(prompt + response, skipSpecialTokens: true)
        return whole.hasPrefix(before)
            ? String(whole.dropFirst(before.count)) : decode(response, skipSpecialTokens: true)
    }
}

extension PreferenceSet {
    /// All responses as rewards are asked for them, each with its prompt as the model reads it.
    package func ratedTexts(_ tokenizer: Tokenizer) -> [RatedText] {
        comparisons.flatMap { comparison in
            let prompt = Array(tokens[comparison.prompt])
            let text = JSON.string(tokenizer.decode(prompt, skipSpecialTokens: true))
            return responses[comparison.responses].map {
                RatedText(
                    prompt: text, response: tokenizer.text(of: tokens[$0.tokens], after: prompt), row: comparison.line)
            }
        }
    }
}
