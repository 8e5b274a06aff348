import Storage

/// Chatbot Arena's battles.
extension RowFormat {
    /// Whole conversations with two models, as the sets of 33,000 and 100,000 have them, and MT-bench's judgements.
    package static let arenaConversations = RowFormat(
        noun: "Chatbot Arena conversations",
        explanation: "winner names the better one of conversation_a and conversation_b, which begin with the prompt",
        columns: [["conversation_a", "conversation_b", "winner"]],
        read: { row throws(PreferenceError) in
            let winner = row.take("winner") ?? .null
            guard let known = Self.winners[winner.string ?? (winner.isNull ? "tie" : "")] else {
                throw .wrongType(
                    row.place, item: "\"winner\"", found: winner.text,
                    expected: "model_a, model_b, tie, tie (bothbad) or both_bad")
            }
            var responses: [Passage] = []
            for column in ["conversation_a", "conversation_b"] {
                responses.append(try row.passage(column, remedy: "it is a conversation"))
            }
            return RowParts(
                prompt: nil, responses: responses, .better(known), obstacle: known == nil ? .noPreference : nil)
        })

    private static let winners: [String: Int?] = [
        "model_a": 0, "model_b": 1, "tie": nil, "tie (bothbad)": nil, "both_bad": nil,
    ]

    /// The set of 55,000 and Kaggle's: texts of all turns, and a column for each outcome.
    package static let arenaVotes = RowFormat(
        noun: "Chatbot Arena votes",
        explanation: "winner_model_a and winner_model_b say which of response_a and response_b is better",
        columns: [["prompt", "response_a", "response_b", "winner_model_a", "winner_model_b"]],
        read: { row throws(PreferenceError) in
            let first = try row.choice("winner_model_a", among: [0, 1])
            let second = try row.choice("winner_model_b", among: [0, 1])
            row.used.insert("winner_tie")
            let better = first == 1 && second != 1 ? 0 : second == 1 && first != 1 ? 1 : nil
            let asked = try row.turns("prompt")
            var responses: [Passage] = []
            for column in ["response_a", "response_b"] {
                let answered = try row.turns(column)
                guard answered.count == asked.count else {
                    throw .wrongType(
                        row.place, item: "\"\(column)\"", found: "a list of \(answered.count) answers",
                        expected: "\(asked.count), one for each turn of \"prompt\"")
                }
                responses.append(
                    .messages(
                        zip(asked, answered).flatMap { question, answer in
                            [["role": "user", "content": question], ["role": "assistant", "content": answer]] as [JSON]
                        }))
            }
            return RowParts(
                prompt: nil, responses: responses, .better(better), obstacle: better == nil ? .noPreference : nil)
        })
}

extension RowColumns {
    /// The turns of a column: a list of texts, which the set has as JSON text. A null says nothing.
    fileprivate mutating func turns(_ column: String) throws(PreferenceError) -> [JSON] {
        guard let value = takeValue(column) else { return [] }
        guard let list = value.array else { return [value] }
        var turns: [JSON] = []
        for (number, turn) in list.enumerated() {
            guard turn.isNull || turn.string != nil else {
                throw wrongType("\(column)[\(number)]", turn, "a string")
            }
            turns.append(turn.isNull ? "" : turn)
        }
        return turns
    }
}
