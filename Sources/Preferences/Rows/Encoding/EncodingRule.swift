import Objectives

/// The treatment of a row whose prompt and response together exceed `max_length`. Raw values are the run file's words.
package enum Truncation: String, Sendable, CaseIterable {
    /// The pair is dropped and counted.
    case drop
    /// Responses lose their end; the prompt stays whole.
    case keepStart = "keep_start"
    /// The prompt loses its start, but for a beginning-of-sequence token and at least one token; if that isn't enough,
    /// responses lose their end.
    case keepEndOfPrompt = "keep_end_of_prompt"
    /// The run ends, naming the row.
    case error
}

/// Which of the assistant's turns in a conversation are scored. Raw values are the run file's words.
package enum ScoredTurns: String, Sendable, CaseIterable {
    /// The response alone: of a dialogue the last message.
    case last
    /// Each of them, in one sequence; where a row gives its prompt apart, those of the response.
    case all
}

/// The rule by which text becomes scored tokens. One value for a whole file, the same on every rank.
package struct EncodingRule: Sendable, Equatable {
    /// Most tokens of a prompt with one of its responses.
    package var maxLength: Int
    package var truncation: Truncation
    /// Appends the end-of-sequence token to each response of text that lacks it. Never after a cut.
    package var appendEOS: Bool
    /// The judgement that the objective takes: rows that can't give it are refused. nil: whatever each row gives.
    package var judges: Judged?
    /// Of rows that are imitated; of others the response alone is scored.
    package var scoredTurns: ScoredTurns
    /// Margin rewards that every row must give, by name.
    package var scoreNames: [String]
    /// Whether a pair's own margin is read beside them, under the name `RowMapping.margin`: that of the chosen response,
    /// 0 where the row gives none.
    package var readsMargin = false
    /// Whether a response of nothing but an ending is of use: a model's own samples are rated whatever they are.
    package var keepsEmptyResponses = false
    /// Most tokens of a response that the policy draws itself, where prompts are read.
    package var responseLength = 0
    /// The model's: greater ids are errors.
    package var vocabularySize: Int

    /// Whether rejected responses are read.
    package var needsRejected: Bool { judges != .demonstrations && judges != .prompts }

    package init(
        maxLength: Int, truncation: Truncation = .drop, appendEOS: Bool = true, judges: Judged? = .pairs,
        scoredTurns: ScoredTurns = .last, scoreNames: [String] = [], vocabularySize: Int
    ) {
        self.maxLength = maxLength
        self.truncation = truncation
        self.appendEOS = appendEOS
        self.judges = judges
        self.scoredTurns = scoredTurns
        self.scoreNames = scoreNames
        self.vocabularySize = vocabularySize
    }
}
