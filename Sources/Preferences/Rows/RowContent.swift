import Storage

/// A data row as it was written: one prompt, its responses, who beat whom. Not yet tokens.
struct RowContent {
    enum Body {
        case text(prompt: String, responses: [String])
        case ids(prompt: [Int32], responses: [[Int32]])
        case conversation(Conversation)
    }

    let format: RowFormat
    let body: Body
    /// Indices into the responses.
    package let pairs: [RankedPair]
    /// For each response one value per name of `EncodingRule.scoreNames`.
    let scores: [[Float]]
    /// A reason for which the row has no usable pair, seen before any token.
    let obstacle: DropReason?
    /// Columns that held nothing this run uses, in file order.
    let unusedColumns: [String]
}

/// A prompt and its responses as messages, which only a chat template turns into text.
///
/// A message is an object with `role` and, unless it calls tools, `content`, a string; whatever else the row gave of it
/// stands there too, but for nulls.
struct Conversation {
    /// A list of messages; at least one.
    let prompt: JSON
    /// A list of messages for each response; usually one of the assistant's.
    let completions: [JSON]
    /// The row's `tools`: a list of descriptions.
    let tools: JSON?
    /// The row's `chat_template_kwargs`: further variables of the template.
    let templateVariables: JSON?
    /// Where the first messages stand, for messages to people.
    let column: String
}

/// Two responses of one prompt, by their index among the row's responses.
struct RankedPair: Equatable {
    var chosen: Int
    /// None where only the chosen response is wanted (`EncodingRule.needsRejected`).
    var rejected: Int?
}

/// Finds the prompt inside texts that hold prompt and response together.
enum ImplicitPrompt {
    private static let answer = Array("\n\nAssistant:".utf8)

    /// Bytes of a transcript's prompt: everything up to and including its last "\n\nAssistant:".
    static func transcriptPromptLength(of text: String) -> Int? {
        let bytes = Array(text.utf8)
        return stride(from: bytes.count - answer.count, through: 0, by: -1)
            .first { bytes[$0] == answer[0] && bytes[$0..<$0 + answer.count].elementsEqual(answer) }
            .map { $0 + answer.count }
    }

    /// Bytes of the prompt that two texts share: what they begin with, cut before its last run of white space, so that
    /// no word is split between prompt and response and each response begins with its space, as tokenizers like it.
    static func commonPromptLength(of first: String, _ second: String) -> Int {
        let a = Array(first.utf8)
        let b = Array(second.utf8)
        var end = 0
        while end < min(a.count, b.count), a[end] == b[end] { end += 1 }
        while end > 0, !isSpace(a[end - 1]) { end -= 1 }
        while end > 0, isSpace(a[end - 1]) { end -= 1 }
        return end
    }

    /// Cuts a text at a byte that is known to begin a character.
    static func split(_ text: String, at length: Int) -> (prompt: String, response: String) {
        let place = text.utf8.index(text.utf8.startIndex, offsetBy: length)
        return (String(text[..<place]), String(text[place...]))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
