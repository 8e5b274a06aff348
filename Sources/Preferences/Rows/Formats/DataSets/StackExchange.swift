import Storage

/// StackExchange's questions.
extension RowFormat {
    package static let answerPair = RowFormat(
        noun: "StackExchange pairs", explanation: "response_j is the chosen one",
        columns: [["question", "response_j", "response_k"]],
        read: { row throws(PreferenceError) in
            try row.twoResponses(["response_j", "response_k"], of: "question", better: 0)
        })

    /// A question with all its answers. Margin rewards: `pm_score`, and `selected`, 1 for the answer that the questioner
    /// accepted.
    package static let answers = RowFormat(
        noun: "StackExchange questions",
        explanation: "answers are compared by pm_score; margin rewards: pm_score, selected",
        columns: [["question", "answers"]],
        read: { row throws(PreferenceError) in
            let prompt = try row.passage("question", remedy: "it is the prompt")
            var (responses, ranks, selected): ([Passage], [Double?], [JSON]) = ([], [], [])
            for (number, answer) in try row.array("answers", of: "answers with text and pm_score").enumerated() {
                responses.append(try row.passage(answer["text"], item: "answers[\(number)].text"))
                ranks.append(try row.rank("answers[\(number)].pm_score", answer["pm_score"]))
                selected.append(answer["selected"]?.bool.map { .integer($0 ? 1 : 0) } ?? .null)
            }
            return RowParts(
                prompt: prompt, responses: responses, ranks: ranks,
                rewards: [("pm_score", ranks.map { $0.map { .number($0) } ?? .null }), ("selected", selected)])
        })
}
