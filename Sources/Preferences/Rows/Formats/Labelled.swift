import Storage

/// Responses by themselves, each with a label: desirable or not.
extension RowFormat {
    /// TRL's unpaired rows.
    package static let labelled = RowFormat(
        noun: "labelled responses", explanation: "label says whether the completion is desirable",
        named: [["prompt", "completion", "label"]],
        recognises: { $0.hasPrompt && $0.sees("completion") && $0["label"] != nil },
        read: { row throws(PreferenceError) in
            let prompt = try row.passage(row.mapping.promptColumn, remedy: "name its column with prompt_column")
            let response = try row.passage("completion", remedy: "it is the response")
            return try row.labelled("label", response, of: prompt)
        })

    /// ms-swift's and LLaMA-Factory's dialogues, of which the last message is labelled.
    package static let labelledDialogue = RowFormat(
        noun: "labelled dialogues", explanation: "the label is of the assistant's last message",
        columns: [
            ["messages", "label"], ["conversations", "label"], ["messages", "kto_tag"], ["conversations", "kto_tag"],
        ],
        read: { row throws(PreferenceError) in
            let (prompt, response) = try row.dialogue()
            var parts = try row.labelled(
                row["label"] != nil ? "label" : "kto_tag", .messages(response), of: .messages(prompt))
            parts.isOneDialogue = true
            return parts
        })
}

extension RowColumns {
    /// Whether the run file's prompt column is there.
    var hasPrompt: Bool { sees(mapping.promptColumn) }

    /// A response with the label of a column; without a label the row says nothing.
    mutating func labelled(
        _ column: String, _ response: Passage, of prompt: Passage
    ) throws(PreferenceError) -> RowParts {
        let label = try choice(column, among: [0, 1])
        return RowParts(
            prompt: prompt, responses: [response], .labels(label.map { [$0 == 1] } ?? []),
            obstacle: label == nil ? .noLabel : nil)
    }

    /// A dialogue's messages up to the assistant's last, and that one.
    mutating func dialogue() throws(PreferenceError) -> (prompt: [JSON], response: [JSON]) {
        let column = self["messages"] != nil ? "messages" : "conversations"
        let messages = try messages(takeValue(column) ?? .array([]), item: column)
        return (messages.dropLast(), messages.suffix(1))
    }
}
