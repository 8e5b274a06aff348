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
}

extension RowColumns {
    static let promptIDs = "prompt_ids"
}
