import Storage

/// UltraFeedback as OpenBMB and Argilla publish it. The binarised copies of others are pairs.
extension RowFormat {
    /// The aspects that GPT-4 rated of each completion.
    private static let aspects = ["instruction_following", "honesty", "truthfulness", "helpfulness"]

    package static let ultraFeedback = RowFormat(
        noun: "UltraFeedback rows",
        explanation: "completions are compared by overall_score; margin rewards: overall_score, fine-grained_score, "
            + aspects.joined(separator: ", "),
        columns: [["instruction", "completions"]],
        read: { row throws(PreferenceError) in
            let prompt = try row.passage("instruction", remedy: "it is the prompt")
            let completions = try row.array("completions", of: "completions with response and overall_score")
            var (responses, ranks): ([Passage], [Double?]) = ([], [])
            for (number, completion) in completions.enumerated() {
                let item = "completions[\(number)]"
                responses.append(try row.passage(completion["response"], item: "\(item).response"))
                ranks.append(try row.rank("\(item).overall_score", completion["overall_score"]))
            }
            var rewards: [(name: String, values: [JSON])] = ["overall_score", "fine-grained_score"].map { name in
                (name, completions.map { $0[name] ?? .null })
            }
            for aspect in aspects {
                rewards.append((aspect, completions.map { Self.rating(aspect, of: $0) }))
            }
            return RowParts(prompt: prompt, responses: responses, ranks: ranks, rewards: rewards)
        })

    /// A rating, which the set has as text; "N/A" is none.
    private static func rating(_ aspect: String, of completion: JSON) -> JSON {
        let rating = completion["annotations"]?[aspect]?["Rating"] ?? .null
        guard let text = rating.string else { return rating }
        return Double(text).map { .number($0) } ?? .null
    }

    /// Argilla's choice of two completions, and distilabel's sets after it.
    package static let ratedInstruction = RowFormat(
        noun: "instructions with rated responses",
        explanation: "chosen_response and rejected_response; margin rewards by columns such as chosen_avg_rating",
        columns: [
            ["instruction", "chosen_response", "rejected_response"],
            ["prompt", "chosen_response", "rejected_response"],
        ],
        read: { row throws(PreferenceError) in
            let column = row["instruction"] != nil ? "instruction" : "prompt"
            let prompt = try row.passage(column, remedy: "it is the prompt")
            var responses = [try row.passage("chosen_response", remedy: "it is the chosen response")]
            if row.rule.needsRejected {
                responses.append(try row.passage("rejected_response", remedy: "it is the rejected response"))
            }
            return RowParts(prompt: prompt, responses: responses, .firstWins, rewards: .sides)
        })
}
