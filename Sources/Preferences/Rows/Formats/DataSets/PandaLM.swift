import Storage

/// Two responses and what each of several raters thinks of them: 1 the first one is better, 2 the second, 0 neither.
extension RowFormat {
    /// The label with most votes decides; a tie, also between labels, says nothing. Margin rewards: each rater's vote, 1, 0
    /// or 0.5, by the rater's name.
    package static let raters = RowFormat(
        noun: "rows of several raters",
        explanation: "most raters choose; margin rewards: each rater's vote (1, 0, a tie 0.5)",
        columns: [
            ["prompt", "response_0", "response_1", "labels"], ["instruction", "response1", "response2", "annotator1"],
        ],
        read: { row throws(PreferenceError) in
            let isOriginal = row["annotator1"] != nil
            let votes = try row.votes(isOriginal: isOriginal)
            var counts = [0, 0, 0]
            var rewards: [(name: String, values: [JSON])] = []
            for (name, value) in votes {
                guard let label = value.integer, 0...2 ~= label else {
                    throw .wrongType(row.place, item: name, found: value.text, expected: "0 (a tie), 1 or 2")
                }
                counts[label] += 1
                let first = label == 0 ? 0.5 : label == 1 ? 1.0 : 0.0
                rewards.append((name, [.number(first), .number(1 - first)]))
            }
            let most = counts.max() ?? 0
            let isTie = counts[0] == most || counts[1] == counts[2]
            let better = isTie ? nil : counts[1] > counts[2] ? 0 : 1
            guard isOriginal else {
                return try row.twoResponses(["response_0", "response_1"], of: "prompt", better: better, rewards)
            }
            let prompt = try row.instruction()
            var responses: [Passage] = []
            for column in ["response1", "response2"] {
                responses.append(try row.passage(column, remedy: "it is a response"))
            }
            return RowParts(prompt: .text(prompt), responses: responses, better: better, rewards: rewards)
        })
}

extension RowColumns {
    /// Raters who voted, and their labels.
    fileprivate mutating func votes(isOriginal: Bool) throws(PreferenceError) -> [(name: String, label: JSON)] {
        if isOriginal {
            var votes: [(String, JSON)] = []
            for name in names where name.hasPrefix("annotator") {
                if let label = takeValue(name) { votes.append((name, label)) }
            }
            return votes
        }
        guard let labels = takeValue("labels") else { return [] }
        guard let object = labels.object, !object.isEmpty else {
            throw wrongType("\"labels\"", labels, "an object of rater to label: 0 a tie, 1 or 2 the better response")
        }
        return object.members.filter { !$0.value.isNull }.map { ($0.name, $0.value) }
    }
}
