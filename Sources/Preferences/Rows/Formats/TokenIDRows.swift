/// Rows of token ids: used as they are, so no tokenizer is needed.
extension RowFormat {
    package static let tokenIDs = RowFormat(
        noun: "rows of token ids", explanation: "used as they are",
        named: [["prompt_ids", "chosen_ids", "rejected_ids"]],
        recognises: { $0.sees(RowColumns.promptIDs) || $0.sees("chosen_ids") },
        read: { row throws(PreferenceError) in
            let prompt = try row.ids(RowColumns.promptIDs)
            var responses = [try row.ids("chosen_ids")]
            if row.rule.needsRejected { responses.append(try row.ids("rejected_ids")) }
            return RowParts(.ids(prompt: prompt, responses: responses), .firstWins, rewards: .sides)
        })

    /// Single responses, labelled or to be imitated.
    package static let tokenIDsOfOne = RowFormat(
        noun: "single responses of token ids", explanation: "used as they are; label says whether one is desirable",
        named: [["prompt_ids", "completion_ids"]],
        recognises: { $0.sees(RowColumns.promptIDs) && $0.sees("completion_ids") },
        read: { row throws(PreferenceError) in
            let prompt = try row.ids(RowColumns.promptIDs)
            let responses = [try row.ids("completion_ids")]
            guard row["label"] != nil else {
                return RowParts(.ids(prompt: prompt, responses: responses), .demonstration)
            }
            let label = try row.choice("label", among: [0, 1])
            return RowParts(
                .ids(prompt: prompt, responses: responses), .labels(label.map { [$0 == 1] } ?? []),
                obstacle: label == nil ? .noLabel : nil)
        })
}

extension RowColumns {
    static let promptIDs = "prompt_ids"
}
