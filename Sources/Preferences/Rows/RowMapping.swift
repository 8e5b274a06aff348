/// Which columns of a data row hold what.
///
/// A column that isn't there and one that is null are the same thing.
package struct RowMapping: Sendable, Equatable {
    package var promptColumn: String
    package var chosenColumn: String
    package var rejectedColumn: String

    package init(promptColumn: String = "prompt", chosenColumn: String = "chosen", rejectedColumn: String = "rejected")
    {
        self.promptColumn = promptColumn
        self.chosenColumn = chosenColumn
        self.rejectedColumn = rejectedColumn
    }

    /// A run file that names a prompt column means it: its absence is then an error instead of a hint that the prompt
    /// stands inside `chosen` and `rejected`.
    var promptIsRequired: Bool { promptColumn != "prompt" }

    /// A run file that names columns has said what the rows are.
    var isNamed: Bool { self != RowMapping() }

    /// Columns with one name only, since the contract gives no key to rename them.
    static let promptIDs = "prompt_ids"
    static let chosenIDs = "chosen_ids"
    static let rejectedIDs = "rejected_ids"
    static let responses = "responses"
    static let scores = "scores"
    static let chosenScores = "scores_chosen"
    static let rejectedScores = "scores_rejected"
    static let conversations = "conversations"
    static let instruction = "instruction"
    static let tools = "tools"
    static let templateVariables = "chat_template_kwargs"
    static let ratedPrompt = "prompt"

    /// Lists of `[winner, loser]`: the contract's name, and the one that says so at length.
    package static let pairs = ["pairs", "preference_pairs_winner_loser"]

    /// HelpSteer's qualities of a response. The first ranks.
    static let attributes = ["helpfulness", "correctness", "coherence", "complexity", "verbosity"]
}
