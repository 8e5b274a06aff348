import Storage

/// Preference rows as OpenAI's fine-tuning takes them: `input` is an object of `messages` and `tools`.
extension RowFormat {
    package static let preferredOutput = RowFormat(
        noun: "preferred outputs", explanation: "the prompt is input.messages, preferred_output is the chosen one",
        columns: [["input", "preferred_output", "non_preferred_output"]],
        read: { row throws(PreferenceError) in
            let prompt = try row.passage("input", remedy: "it holds the prompt's messages")
            let preferred = try row.passage("preferred_output", remedy: "it is the chosen response")
            let other = try row.passage("non_preferred_output", remedy: "it is the rejected response")
            return RowParts(prompt: prompt, responses: [preferred, other], .firstWins, rewards: .sides)
        })
}
