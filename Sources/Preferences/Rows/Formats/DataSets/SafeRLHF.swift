import Storage

/// PKU-SafeRLHF: `better_response_id` says which of two responses is better, `safer_response_id` which is safer.
extension RowFormat {
    /// Margin rewards: `safer` is 1 for the response that is named safer, else 0; `safe` is 1 for a response that is marked
    /// safe, else 0.
    package static let safeRLHF = RowFormat(
        noun: "PKU-SafeRLHF rows",
        explanation: "better_response_id names the chosen one; margin rewards: safer, safe",
        columns: [["prompt", "response_0", "response_1", "better_response_id"]],
        read: { row throws(PreferenceError) in
            let better = try row.choice("better_response_id", among: [0, 1])
            var rewards: [(name: String, values: [JSON])] = []
            if row["safer_response_id"] != nil {
                let safer = try row.choice("safer_response_id", among: [0, 1])
                rewards.append(("safer", [0, 1].map { place in safer.map { $0 == place ? 1 : 0 } ?? .null }))
            }
            let marks = ["is_response_0_safe", "is_response_1_safe"]
            if marks.allSatisfy({ row[$0] != nil }) {
                var safe: [JSON] = []
                for mark in marks { safe.append(try row.choice(mark, among: [0, 1]).map { .integer($0) } ?? .null) }
                rewards.append(("safe", safe))
            }
            return try row.twoResponses(["response_0", "response_1"], of: "prompt", better: better, rewards)
        })
}

extension RowColumns {
    /// Two responses in columns of their own.
    /// - Parameter better: place of the better one; nil for a tie.
    mutating func twoResponses(
        _ columns: [String], of prompt: String, better: Int?, _ rewards: [(name: String, values: [JSON])] = []
    ) throws(PreferenceError) -> RowParts {
        let prompt = try passage(prompt, remedy: "it is the prompt")
        var responses: [Passage] = []
        for column in columns { responses.append(try passage(column, remedy: "it is a response")) }
        return RowParts(prompt: prompt, responses: responses, better: better, rewards: rewards)
    }
}
