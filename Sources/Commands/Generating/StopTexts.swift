import Tokenization
import Training

/// Texts that end a continuation wherever they come up in it.
package struct StopTexts {
    private let texts: [String]
    private let tokenizer: Tokenizer
    /// Tokens at the end of a continuation in which a new stop must lie: each adds something to the text.
    private let window: Int

    /// - Returns: nil without texts.
    /// - Throws: `TrainingError.input` where there is no tokenizer to read them by.
    package init?(_ texts: [String], _ tokenizer: Tokenizer?) throws {
        guard !texts.isEmpty else { return nil }
        guard !texts.contains("") else {
            throw TrainingError.input("--stop is empty; give the text that ends a response")
        }
        guard let tokenizer else {
            throw TrainingError.input("--stop needs a tokenizer.json beside the model; without one give only token ids")
        }
        (self.texts, self.tokenizer) = (texts, tokenizer)
        window = 8 + (texts.map(\.utf8.count).max() ?? 0)
    }

    /// The place where the first stop begins in a text.
    func end(of text: String) -> String.Index? {
        texts.compactMap { stop in text.firstRange(of: stop)?.lowerBound }.min()
    }

    /// The place where a stop begins in the text of the last tokens.
    func end(_ tokens: [Int32]) -> String.Index? {
        end(of: tokenizer.decode(Array(tokens.suffix(window)), skipSpecialTokens: true))
    }

    /// The number of characters at the end of a text that may be the beginning of a stop.
    func begun(in text: String) -> Int {
        texts.map { stop in
            (0..<min(stop.count, text.count + 1)).last { text.hasSuffix(stop.prefix($0)) } ?? 0
        }.max() ?? 0
    }

    /// Stops that are special tokens, which no decoded text shows.
    static func specialTokens(_ texts: [String], _ tokenizer: Tokenizer?) -> Set<Int32> {
        guard let tokenizer else { return [] }
        return Set(
            texts.compactMap { tokenizer.id(of: $0) }.filter { tokenizer.decode([$0], skipSpecialTokens: true).isEmpty })
    }
}
