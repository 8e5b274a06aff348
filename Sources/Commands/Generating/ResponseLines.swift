import Preferences
import Storage
import Tokenization
import Training

/// Texts that end a continuation wherever they come up in it.
struct StopTexts {
    private let texts: [String]
    private let tokenizer: Tokenizer
    /// Tokens at the end of a continuation in which a new stop must lie: each adds something to the text.
    private let window: Int

    /// - Returns: nil without texts.
    /// - Throws: `TrainingError.input` where there is no tokenizer to read them by.
    init?(_ texts: [String], _ tokenizer: Tokenizer?) throws {
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

    /// Where the first stop begins in a text.
    func end(of text: String) -> String.Index? {
        texts.compactMap { stop in text.firstRange(of: stop)?.lowerBound }.min()
    }

    /// Where a stop begins in what the last tokens say.
    func end(_ tokens: [Int32]) -> String.Index? {
        end(of: tokenizer.decode(Array(tokens.suffix(window)), skipSpecialTokens: true))
    }
}

/// The lines of `generate`.
struct ResponseLines {
    let tokenizer: Tokenizer?
    let stops: StopTexts?
    let endTokens: Set<Int32>
    /// Continuations of each prompt.
    let samples: Int

    /// A line for each continuation, in the order of the prompts.
    ///
    /// - Parameter words: of each rank, one after the other: the row's place, the sample, whether a stop ended it, how many
    ///   tokens, and these.
    func lines(_ words: [[Int32]], _ rows: [PromptRow]) -> String {
        var texts: [(place: Int, sample: Int, line: String)] = []
        for words in words {
            var start = 0
            while start < words.count {
                let (place, sample) = (Int(words[start]), Int(words[start + 1]))
                let tokens = start + 4..<start + 4 + Int(words[start + 3])
                let line = line(rows[place], sample: sample, Array(words[tokens]), stopped: words[start + 2] == 1)
                texts.append((place, sample, line))
                start = tokens.upperBound
            }
        }
        return texts.sorted { ($0.place, $0.sample) < ($1.place, $1.sample) }.map { $0.line + "\n" }.joined()
    }

    private func line(_ row: PromptRow, sample: Int, _ ids: [Int32], stopped: Bool) -> String {
        var object: JSONObject = ["index": .integer(row.row)]
        object["prompt"] = row.text.map { .string($0) }
        if samples > 1 { object["sample"] = .integer(sample) }
        if let tokenizer {
            // Decoded after its prompt: alone, a first word might lose its space.
            let before = tokenizer.decode(row.tokens, skipSpecialTokens: true)
            let whole = tokenizer.decode(row.tokens + ids, skipSpecialTokens: true)
            var response =
                whole.hasPrefix(before)
                ? String(whole.dropFirst(before.count)) : tokenizer.decode(ids, skipSpecialTokens: true)
            if stopped, let end = stops?.end(of: response) { response = String(response[..<end]) }
            object["response"] = .string(response)
        }
        object["ids"] = .array(ids.map { .integer(Int($0)) })
        object["finished"] = .bool(stopped || ids.last.map(endTokens.contains) ?? false)
        return JSON.object(object).text
    }
}
