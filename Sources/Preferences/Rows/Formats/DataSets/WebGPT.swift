import Storage

/// OpenAI's WebGPT comparisons: two answers with scores that add up to zero.
extension RowFormat {
    package static let webGPT = RowFormat(
        noun: "WebGPT comparisons",
        explanation: "answers are compared by score, equal ones are a tie; margin reward: score",
        columns: [["question", "answer_0", "answer_1", "score_0", "score_1"]],
        read: { row throws(PreferenceError) in
            let question = row.takeValue("question") ?? .null
            let prompt = try row.passage(
                question.object == nil ? question : question["full_text"], item: "question.full_text")
            let scores = [row.takeValue("score_0") ?? .null, row.takeValue("score_1") ?? .null]
            let first = try row.rank("\"score_0\"", scores[0])
            let second = try row.rank("\"score_1\"", scores[1])
            var responses: [Passage] = []
            for column in ["answer_0", "answer_1"] {
                responses.append(try row.passage(column, remedy: "it is an answer"))
            }
            var better: Int?
            if let first, let second, first != second { better = first > second ? 0 : 1 }
            return RowParts(prompt: prompt, responses: responses, better: better, rewards: [("score", scores)])
        })
}
