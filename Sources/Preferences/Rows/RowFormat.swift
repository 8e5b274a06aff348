import Storage

/// What a row was taken for, decided by its columns and, without a prompt column, by its text.
package enum RowFormat: Int32, Sendable, CaseIterable {
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
    /// `prompt`, `chosen`, `rejected` of which some are lists of messages.
    case messages
    /// `chosen`, `rejected` lists of messages that begin alike.
    case wholeDialogues
    /// `conversations`, `chosen`, `rejected` of turns with `from` and `value`.
    case shareGPT
    /// `instruction`, `input`, `chosen`, `rejected`, as LLaMA-Factory has them.
    case instruction
    /// PKU-SafeRLHF: `better_response_id` says which of two responses is better, `safer_response_id` which is safer.
    case safeRLHF
    /// Two responses and what each of several raters thinks of them, as PandaLM has them.
    case raters
    /// Stanford Human Preferences: a post and two comments.
    case humanReferences
    /// HelpSteer and HelpSteer2: a response a row, with a number for each of its qualities.
    case attributes
    /// The preference parts of HelpSteer2 and HelpSteer3: two responses and how much better one is.
    case strength
    /// StackExchange: a question, the better answer `response_j` and the worse one `response_k`.
    case answerPair
    /// StackExchange: a question and its answers with a `pm_score` each.
    case answers

    /// For messages: what such rows are called.
    package var noun: String {
        switch self {
        case .text: "text rows"
        case .transcript: "transcripts"
        case .commonPrefix: "rows with an implicit prompt"
        case .tokenIDs: "rows of token ids"
        case .ranked: "ranked rows"
        case .messages: "conversations"
        case .wholeDialogues: "conversations with an implicit prompt"
        case .shareGPT: "ShareGPT conversations"
        case .instruction: "instructions"
        case .safeRLHF: "PKU-SafeRLHF rows"
        case .raters: "rows of several raters"
        case .humanReferences: "SHP rows"
        case .attributes: "rated responses (HelpSteer)"
        case .strength: "graded preferences (HelpSteer)"
        case .answerPair: "StackExchange pairs"
        case .answers: "StackExchange questions"
        }
    }

    /// For the summary: how prompt and responses were found.
    package var explanation: String {
        switch self {
        case .text: "the prompt is a column"
        case .transcript: "the prompt ends with the last \"\\n\\nAssistant:\" of chosen"
        case .commonPrefix: "the prompt is what chosen and rejected begin with, up to a space"
        case .tokenIDs: "used as they are"
        case .ranked: "several responses of one prompt"
        case .messages: "prompt or responses are lists of messages"
        case .wholeDialogues: "the prompt is the messages that chosen and rejected begin with"
        case .shareGPT: "conversations is the prompt, chosen and rejected are turns with from and value"
        case .instruction: "the prompt is instruction and, on a line of its own, input"
        case .safeRLHF: "better_response_id names the chosen one; margin rewards: safer, safe"
        case .raters: "most raters choose; margin rewards: each rater's vote (1, 0, a tie 0.5)"
        case .humanReferences: "labels 1 chooses human_ref_A, 0 human_ref_B; margin reward: score"
        case .attributes:
            "neighbouring rows of one prompt are compared by helpfulness; margin rewards: "
                + RowMapping.attributes.joined(separator: ", ")
        case .strength: "the sign of the preference chooses, 0 is a tie; margin reward: strength"
        case .answerPair: "response_j is the chosen one"
        case .answers: "answers are compared by pm_score; margin rewards: pm_score, selected"
        }
    }

    /// The columns by which a data set's own format is known, for rows without `chosen` and `rejected`.
    static let signatures: [(format: RowFormat, columns: [String])] = [
        (.safeRLHF, ["prompt", "response_0", "response_1", "better_response_id"]),
        (.raters, ["prompt", "response_0", "response_1", "labels"]),
        (.raters, ["instruction", "response1", "response2", "annotator1"]),
        (.humanReferences, ["history", "human_ref_A", "human_ref_B", "labels"]),
        (.attributes, ["prompt", "response", "helpfulness"]),
        (.strength, ["context", "response1", "response2", "overall_preference"]),
        (.strength, ["prompt", "response_1", "response_2", "preference_strength"]),
        (.answerPair, ["question", "response_j", "response_k"]),
        (.answers, ["question", "answers"]),
    ]

    /// All formats with their columns, for the message about a row that is none of them.
    static let known =
        "text or conversations (prompt, chosen, rejected), transcripts (chosen, rejected), "
        + "token ids (prompt_ids, chosen_ids, rejected_ids), ranked (prompt, responses, pairs or scores), "
        + "ShareGPT (conversations, chosen, rejected), instructions (instruction, input, chosen, rejected), "
        + signatures.map { "\($0.format.noun) (\($0.columns.joined(separator: ", ")))" }.joined(separator: ", ")

    /// Whether a row is a single response with its qualities, to be gathered with its neighbours.
    static func isOneRatedResponse(_ row: JSONObject) -> Bool {
        row["prompt"]?.string != nil && row["response"]?.string != nil && row["helpfulness"] != nil
            && row["chosen"] == nil && row["responses"] == nil
    }
}
