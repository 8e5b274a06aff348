import Storage

/// Berkeley's Nectar: seven answers of a prompt with their ranks.
extension RowFormat {
    package static let nectar = RowFormat(
        noun: "Nectar rows", explanation: "answers are compared by rank, 1 is the best; margin reward: rank (negated)",
        columns: [["prompt", "answers"]],
        read: { row throws(PreferenceError) in
            let prompt = try row.passage("prompt", remedy: "it is the prompt")
            var (responses, ranks): ([Passage], [Double?]) = ([], [])
            for (number, answer) in try row.array("answers", of: "answers with answer and rank").enumerated() {
                responses.append(try row.passage(answer["answer"], item: "answers[\(number)].answer"))
                ranks.append(try row.rank("answers[\(number)].rank", answer["rank"]).map { -$0 })
            }
            return RowParts(
                prompt: prompt, responses: responses, ranks: ranks,
                rewards: [("rank", ranks.map { $0.map { .number($0) } ?? .null })])
        })
}

extension RowParts {
    /// Responses that are compared by a number each; without two different ones the row says nothing.
    init(
        prompt: Passage, responses: [Passage], ranks: [Double?], rewards: [(name: String, values: [JSON])]
    ) {
        let verdict = Verdict.ranked(by: ranks)
        self.init(
            prompt: prompt, responses: responses, verdict, rewards: .given(rewards),
            obstacle: verdict == .ranking([]) ? .noPairs : nil)
    }

    /// Two responses of which one is better; nil: neither.
    init(
        prompt: Passage, responses: [Passage], better: Int?, rewards: [(name: String, values: [JSON])] = []
    ) {
        self.init(
            prompt: prompt, responses: responses, .better(better), rewards: .given(rewards),
            obstacle: better == nil ? .noPreference : nil)
    }
}
