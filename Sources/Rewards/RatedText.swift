import Storage

/// A prompt with one response, as a reward is asked for it.
package struct RatedText: Sendable, Equatable {
    /// A text, or a list of messages, as the row has it.
    package let prompt: JSON
    package let response: String
    /// The data row, counted from 1, for messages.
    package let row: Int

    package init(prompt: JSON, response: String, row: Int) {
        (self.prompt, self.response, self.row) = (prompt, response, row)
    }

    /// The object that commands read and caches are keyed by: `{"prompt": …, "response": …}`.
    package var json: JSON { .object(["prompt": prompt, "response": .string(response)]) }

    /// The prompt as one text: a conversation turn by turn, each with its role.
    package var promptText: String {
        if let text = prompt.string { return text }
        let turns = (prompt.array ?? []).map { message in
            "\(message["role"]?.string ?? "user"): \(message["content"]?.string ?? "")"
        }
        return turns.joined(separator: "\n\n")
    }
}
