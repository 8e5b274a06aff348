import Storage

/// Stanford Human Preferences: a post and two comments.
extension RowFormat {
    package static let humanReferences = RowFormat(
        noun: "SHP rows", explanation: "labels 1 chooses human_ref_A, 0 human_ref_B; margin reward: score",
        columns: [["history", "human_ref_A", "human_ref_B", "labels"]],
        read: { row throws(PreferenceError) in
            let better = try row.choice("labels", among: [1, 0])
            var rewards: [(name: String, values: [JSON])] = []
            if row["score_A"] != nil, row["score_B"] != nil {
                rewards.append(("score", [row.takeValue("score_A") ?? .null, row.takeValue("score_B") ?? .null]))
            }
            return try row.twoResponses(["human_ref_A", "human_ref_B"], of: "history", better: better, rewards)
        })
}
