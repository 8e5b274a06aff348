/// Why a pair can't be trained on. A ranked row loses the pairs concerned and is dropped when none is left; any other
/// row has one pair and is dropped with it.
package enum DropReason: Int32, Sendable, CaseIterable, CustomStringConvertible {
    /// Nothing stands before the response: not even a beginning-of-sequence token.
    case emptyPrompt
    /// A response without text: there would be nothing to score but an ending.
    case emptyResponse
    /// The two transcripts answer different prompts.
    case promptsDiffer
    /// Both responses have the same tokens: their loss is ln 2 for ever and its gradient zero.
    case identicalResponses
    /// Longer than `max_length`, or nothing of the response is left within it.
    case tooLong
    /// A ranked row that ranks nothing: no pairs, or scores that are all equal.
    case noPairs
    /// The data set says of the two responses that neither is better, or its raters say so.
    case noPreference
    /// The last message of a response isn't the assistant's.
    case endsWithOtherRole
    /// A margin reward that the run needs is null.
    case missingScore
    /// The label of a single response is null.
    case noLabel
    /// `sft` learns from good responses only.
    case undesirable

    /// As `score` names it for one row.
    package var description: String {
        switch self {
        case .emptyPrompt: "empty prompt"
        case .emptyResponse: "empty response"
        case .promptsDiffer: "prompts differ"
        case .identicalResponses: "identical responses"
        case .tooLong: "too long"
        case .noPairs: "no pairs"
        case .noPreference: "no preference"
        case .endsWithOtherRole: "ends with another's turn"
        case .missingScore: "no margin reward"
        case .noLabel: "no label"
        case .undesirable: "undesirable"
        }
    }

    /// As the summary counts it, after a number: "2 with an empty response".
    var phrase: String {
        switch self {
        case .emptyPrompt: "with an empty prompt"
        case .emptyResponse: "with an empty response"
        case .promptsDiffer: "whose prompts differ"
        case .identicalResponses: "with identical responses"
        case .tooLong: "too long"
        case .noPairs: "without pairs"
        case .noPreference: "without a preference (a tie)"
        case .endsWithOtherRole: "whose response ends with a turn that isn't the assistant's"
        case .missingScore: "with null for a margin reward"
        case .noLabel: "without a label"
        case .undesirable: "labelled undesirable"
        }
    }

    /// The remedy that a user has, where there is one.
    package var remedy: String? {
        switch self {
        case .tooLong: "raise max_length or set truncation"
        default: nil
        }
    }
}
