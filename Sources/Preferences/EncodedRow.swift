/// What became of one data row: token ids that can be trained on, or the reason why not.
public struct EncodedRow: Sendable, Equatable {
    public enum Outcome: Sendable, Equatable {
        case comparison(EncodedComparison)
        case dropped(DropReason)
    }

    /// Data row, counted from 0 without blank lines.
    public let row: Int
    /// Line of the file, counted from 1.
    public let line: Int
    public let format: RowFormat
    /// Columns of the row that this run doesn't use.
    public let unusedColumns: [String]
    public let outcome: Outcome
}

/// One prompt, each of its responses once, and who beat whom.
public struct EncodedComparison: Sendable, Equatable {
    public struct Response: Sendable, Equatable {
        /// Unscored tokens, then scored ones.
        public var tokens: [Int32]
        /// How many of `tokens` come first and belong to the prompt: see `PreferenceSet.Response`.
        public var unscored: Int
        /// The first scored token begins inside the prompt's text.
        public var straddles: Bool
        /// The end was cut off to fit `max_length`.
        public var isCut: Bool
        /// One margin reward per name of the rule.
        public var scores: [Float]
    }

    /// Two places in `responses`; no rejected one for `sft`.
    public struct Pair: Sendable, Equatable {
        public var chosen: Int
        public var rejected: Int?

        public init(chosen: Int, rejected: Int?) {
            self.chosen = chosen
            self.rejected = rejected
        }
    }

    public var prompt: [Int32]
    /// Tokens cut from the prompt's start to fit `max_length`.
    public var promptCut: Int
    public var responses: [Response]
    public var pairs: [Pair]
    /// Pairs of this row that can't be trained on.
    public var skipped: [DropReason]
}
