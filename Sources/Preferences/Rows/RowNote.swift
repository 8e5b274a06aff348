/// Something that was done to a row on its way to tokens and that its file's summary counts: nothing is changed in silence.
package enum RowNote: Int, Sendable, CaseIterable {
    /// Each response began with the prompt.
    case repeatedPrompt
    /// Messages were written as text: JSON, or Python's notation.
    case writtenMessages
    /// Columns such as `system` stand beside a text prompt.
    case madeConversation
    /// A tool call's arguments were a string that holds a JSON object.
    case decodedArguments
    /// A typed table had filled nulls into tool calls or tool descriptions.
    case removedNulls
    /// The prompt ends in a message of the assistant's, with which the response goes on.
    case continuedMessage
    /// More than one of the assistant's turns is scored.
    case severalTurns

    /// As the summary says it behind a number of rows.
    package var phrase: String {
        switch self {
        case .repeatedPrompt: "whose responses repeated the prompt: cut from them"
        case .writtenMessages: "with messages written as text: read as messages"
        case .madeConversation: "with system, history or tools beside texts: read as conversations"
        case .decodedArguments: "with tool arguments written as JSON text: given to the chat template as objects"
        case .removedNulls: "with nulls that the table filled into tool calls or tools: removed"
        case .continuedMessage: "whose prompt ends in an assistant's message: the response goes on with it"
        case .severalTurns: "of which several of the assistant's turns are scored"
        }
    }
}

/// The notes of one row, a bit each.
package struct RowNotes: OptionSet, Sendable {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    init(_ note: RowNote) { self.init(rawValue: 1 << Int32(note.rawValue)) }

    package func contains(_ note: RowNote) -> Bool { contains(RowNotes(note)) }

    mutating func insert(_ note: RowNote) { formUnion(RowNotes(note)) }
}
