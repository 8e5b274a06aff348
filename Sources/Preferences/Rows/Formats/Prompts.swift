extension RowFormat {
    /// Rows read for their prompts alone, whatever else is in them. No row is recognised as such; a run that draws its own
    /// responses takes all rows for them.
    static let prompts = RowFormat(
        noun: "prompts", explanation: "the prompt of each row; responses that rows have are not read",
        recognises: { _ in false }
    ) { row throws(PreferenceError) in
        throw .unknownFormat(row.place, present: row.names)
    }
}

extension RowEncoder {
    /// Encodes a row's prompt with room for a response that the policy will draw.
    /// - Throws: `PreferenceError`.
    func encodeRollout(_ given: RowReader.Row) throws(PreferenceError) -> EncodedRow {
        let row = try encodePrompt(given)
        func ending(_ outcome: EncodedRow.Outcome) -> EncodedRow {
            EncodedRow(
                row: row.row, line: row.line, format: .prompts, unusedColumns: [], notes: [], outcome: outcome)
        }
        let tokens = row.tokens.count + rule.responseLength
        if tokens > rule.maxLength, rule.truncation == .error {
            throw .tooLong(RowPlace(file: file, line: row.line), tokens: tokens, maxLength: rule.maxLength)
        }
        let prompt = shortened(row.tokens, by: tokens - rule.maxLength)
        guard prompt.count + rule.responseLength <= rule.maxLength else { return ending(.dropped(.tooLong)) }
        let room = EncodedComparison.Response(
            tokens: Array(repeating: 0, count: rule.responseLength), spans: ScoredSpans(to: rule.responseLength),
            straddles: false, isCut: false,
            scores: [])
        return ending(
            .comparison(
                EncodedComparison(
                    prompt: prompt, promptCut: row.tokens.count - prompt.count, responses: [room],
                    judgements: [.prompt(0)], skipped: [])))
    }
}
