import Storage

/// Answers to a benchmark's questions, as its own tools read them.
///
/// Their white space at both ends is left out, as FastChat does. Ids of answers are made of what was answered, so that the same
/// command writes the same file, but for `tstamp`.
struct BenchmarkAnswers {
    let format: ResponseFormat
    /// The model's name.
    let model: String
    /// When the command was started, in seconds since 1970.
    let started: Double

    /// An answer, and how many tokens of the model it has.
    struct Answer {
        let text: String
        let tokens: Int

        /// Without white space at both ends.
        var trimmed: String {
            var rest = text[...].drop { $0.isWhitespace }
            while rest.last?.isWhitespace == true { rest.removeLast() }
            return String(rest)
        }
    }

    /// - Parameter choices: for each question its answers, for each the turns.
    func text(_ questions: [BenchmarkQuestion], _ choices: [[[Answer]]]) -> String {
        let rows = zip(questions, choices).map { question, choices in row(question, choices) }
        if format == .alpacaEval { return JSON.array(rows).prettyText }
        return rows.map { $0.text + "\n" }.joined()
    }

    private func row(_ question: BenchmarkQuestion, _ choices: [[Answer]]) -> JSON {
        let answer = choices[0][0]
        switch format {
        case .jsonl, .alpacaEval:
            var row: JSONObject = ["instruction": .string(question.turns[0]), "output": .string(answer.trimmed)]
            row["generator"] = .string(model)
            row["dataset"] = question.dataset.map { .string($0) }
            row["datasplit"] = "eval"
            return .object(row)
        case .arenaHard:
            let metadata: JSONObject = ["token_len": .integer(answer.tokens)]
            return [
                "uid": question.id ?? .null, "ans_id": id(of: question, choices), "model": .string(model),
                "messages": [
                    ["role": "user", "content": .string(question.turns[0])],
                    ["role": "assistant", "content": ["answer": .string(answer.trimmed)]],
                ],
                "tstamp": .number(started),
                "metadata": .object(
                    MarkdownCounts(answer.trimmed).json.members.reduce(into: metadata) { $0[$1.name] = $1.value }),
            ]
        case .arenaHardFirst:
            return numbered(question, choices) { answer in
                ["content": .string(answer.trimmed), "token_len": .integer(answer.tokens)]
            }
        case .mtBench: return numbered(question, choices) { answer in .string(answer.trimmed) }
        }
    }

    private func numbered(
        _ question: BenchmarkQuestion, _ choices: [[Answer]], _ turn: (Answer) -> JSON
    ) -> JSON {
        [
            "question_id": question.id ?? .null, "answer_id": id(of: question, choices), "model_id": .string(model),
            "choices": .array(
                choices.enumerated().map { index, turns in
                    ["index": .integer(index), "turns": .array(turns.map(turn))]
                }), "tstamp": .number(started),
        ]
    }

    private func id(of question: BenchmarkQuestion, _ choices: [[Answer]]) -> JSON {
        var digest = Digest()
        digest.update(field: model)
        digest.update(field: question.text)
        for answer in choices.joined() { digest.update(field: answer.text) }
        return .string(String(digest.finish().hex.prefix(22)))
    }
}
