/// The result of encoding one data row: token ids that can be trained on, or the reason why not.
package struct EncodedRow: Sendable, Equatable {
    /// Token ids, or the reason why there are none.
    package enum Outcome: Sendable, Equatable {
        case comparison(EncodedComparison)
        case dropped(DropReason)
    }

    /// Data row, counted from 0 without blank lines.
    package let row: Int
    /// Line of the file, counted from 1.
    package let line: Int
    package let format: RowFormat
    /// Columns of the row that this run doesn't use.
    package let unusedColumns: [String]
    package let notes: RowNotes
    package let outcome: Outcome
    /// The row's origin, as the row gives it.
    package var source: String?
}

/// One prompt, each of its responses once, and what the row says of them.
package struct EncodedComparison: Sendable, Equatable {
    /// One response as token ids.
    package struct Response: Sendable, Equatable {
        package var tokens: [Int32]
        /// Which of `tokens` are scored; those before them belong to the prompt: see `PreferenceSet.Response`.
        package var spans: ScoredSpans
        /// The first scored token begins inside the prompt's text.
        package var straddles: Bool
        /// The end was cut off to fit `max_length`.
        package var isCut: Bool
        /// One margin reward per name of the rule.
        package var scores: [Float]
    }

    package var prompt: [Int32]
    /// Tokens cut from the prompt's start to fit `max_length`.
    package var promptCut: Int
    package var responses: [Response]
    /// Of places in `responses`.
    package var judgements: [Judgement]
    /// Judgements of this row that can't be trained on.
    package var skipped: [DropReason]
}
