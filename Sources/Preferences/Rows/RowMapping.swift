/// Which columns of a data row hold what.
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

    /// A run file that names the columns of responses has said that the rows are pairs.
    var namesResponses: Bool { chosenColumn != "chosen" || rejectedColumn != "rejected" }

    /// Columns with one name only, since the contract gives no key to rename them.
    static let scores = "scores"
    static let chosenScores = "scores_chosen"
    static let rejectedScores = "scores_rejected"
    /// By how much the chosen response should be better, in the units of a reward model's numbers: TRL's name.
    package static let margin = "margin"
    static let tools = "tools"
    static let templateVariables = "chat_template_kwargs"
}
