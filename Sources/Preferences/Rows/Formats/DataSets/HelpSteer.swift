import Storage

/// NVIDIA's HelpSteer.
extension RowFormat {
    /// Qualities of a response. The first ranks.
    private static let qualities = ["helpfulness", "correctness", "coherence", "complexity", "verbosity"]

    /// HelpSteer and HelpSteer2: a response a row, with a number for each of its qualities. `RowReader` gathers rows of one
    /// prompt, so that columns are lists here.
    package static let attributes = RowFormat(
        noun: "rated responses (HelpSteer)",
        explanation: "neighbouring rows of one prompt are compared by helpfulness; margin rewards: "
            + qualities.joined(separator: ", "),
        columns: [["prompt", "response", "helpfulness"]], gathersNeighbours: true,
        read: { row throws(PreferenceError) in
            func list(_ column: String, _ row: inout RowColumns) -> [JSON] {
                row.used.insert(column)
                let value = row[column] ?? .null
                return value.array ?? [value]
            }
            let prompt = try row.passage("prompt", remedy: "it is the prompt")
            var responses: [Passage] = []
            for (number, value) in list("response", &row).enumerated() {
                responses.append(try row.passage(value, item: "response \(number)"))
            }
            var rewards: [(name: String, values: [JSON])] = []
            for name in qualities where row[name] != nil {
                let values = list(name, &row)
                rewards.append((name, row.isText ? values.map(row.read) : values))
            }
            var ranks: [Double?] = []
            for (number, value) in rewards[0].values.enumerated() {
                ranks.append(try row.rank("\(qualities[0])[\(number)]", value))
            }
            return RowParts(prompt: prompt, responses: responses, ranks: ranks, rewards: rewards)
        })

    /// The preference parts of HelpSteer2 and HelpSteer3: below 0 the first response is better, above 0 the second.
    ///
    /// Margin reward: `strength`, whose difference between the two is how much better.
    package static let strength = RowFormat(
        noun: "graded preferences (HelpSteer)",
        explanation: "the sign of the preference chooses, 0 is a tie; margin reward: strength",
        columns: [
            ["context", "response1", "response2", "overall_preference"],
            ["prompt", "response_1", "response_2", "preference_strength"],
        ],
        read: { row throws(PreferenceError) in
            let isThird = row["overall_preference"] != nil
            let column = isThird ? "overall_preference" : "preference_strength"
            let strength = try row.rank("\"\(column)\"", row.takeValue(column) ?? .null)
            let better = strength.flatMap { $0 == 0 ? nil : $0 < 0 ? 0 : 1 }
            let halves: [JSON] = [-0.5, 0.5].map { half in strength.map { .number(half * $0) } ?? .null }
            return try row.twoResponses(
                isThird ? ["response1", "response2"] : ["response_1", "response_2"],
                of: isThird ? "context" : "prompt", better: better, [("strength", halves)])
        })
}
