/// Which columns of a data row hold what.
///
/// A column that isn't there and one that is null are the same thing.
public struct RowMapping: Sendable, Equatable {
    public var promptColumn: String
    public var chosenColumn: String
    public var rejectedColumn: String

    public init(promptColumn: String = "prompt", chosenColumn: String = "chosen", rejectedColumn: String = "rejected") {
        self.promptColumn = promptColumn
        self.chosenColumn = chosenColumn
        self.rejectedColumn = rejectedColumn
    }

    /// A run file that names a prompt column means it: its absence is then an error instead of a hint that the prompt
    /// stands inside `chosen` and `rejected`.
    var promptIsRequired: Bool { promptColumn != "prompt" }

    /// Columns with one name only, since the contract gives no key to rename them.
    static let promptIDs = "prompt_ids"
    static let chosenIDs = "chosen_ids"
    static let rejectedIDs = "rejected_ids"
    static let responses = "responses"
    static let scores = "scores"
    static let chosenScores = "scores_chosen"
    static let rejectedScores = "scores_rejected"

    /// Lists of `[winner, loser]`: the contract's name, and the one that says so at length.
    static let pairs = ["pairs", "preference_pairs_winner_loser"]
}

/// What a row was taken for, decided by its columns and, without a prompt column, by its text.
public enum RowFormat: Int32, Sendable, CaseIterable {
    /// `prompt`, `chosen`, `rejected` strings.
    case text
    /// `chosen`, `rejected` dialogues in which "\n\nAssistant:" opens each answer.
    case transcript
    /// `chosen`, `rejected` strings that begin alike.
    case commonPrefix
    /// `prompt_ids`, `chosen_ids`, `rejected_ids`.
    case tokenIDs
    /// `prompt`, `responses` and `pairs` or `scores`.
    case ranked

    /// For messages: what such rows are called.
    public var noun: String {
        switch self {
        case .text: "text rows"
        case .transcript: "transcripts"
        case .commonPrefix: "rows with an implicit prompt"
        case .tokenIDs: "rows of token ids"
        case .ranked: "ranked rows"
        }
    }

    /// For the summary: how prompt and responses were found.
    public var explanation: String {
        switch self {
        case .text: "the prompt is a column"
        case .transcript: "the prompt ends with the last \"\\n\\nAssistant:\" of chosen"
        case .commonPrefix: "the prompt is what chosen and rejected begin with, up to a space"
        case .tokenIDs: "used as they are"
        case .ranked: "several responses of one prompt"
        }
    }
}
