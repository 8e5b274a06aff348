import Machine
import Statistics
import Storage
import Training

/// The output of a round of `iterate` and its rewards, read from its files.
struct RoundSummary {
    /// The held-out rewards of the policy before and after a round, a mean for each prompt.
    struct HeldOut {
        let name: String
        let before: [Double]
        let after: [Double]
    }

    let round: Int
    let prompts: Int
    let responses: Int
    /// By name the rewards of the responses that pairs were made of, a mean for each prompt.
    let drawn: [(name: String, values: [Double])]
    let pairs: Int
    /// Chosen minus rejected of the deciding reward.
    let gaps: [Double]
    /// Empty without `sample_prompts`.
    let heldOut: [HeldOut]

    /// - Parameters:
    ///   - rewards: the names of all rewards.
    ///   - deciding: the one that pairs were made by.
    init(round: Int, _ folder: RoundFolder, rewards: [String], by deciding: String) throws {
        self.round = round
        let rows = try AnsweredPrompt.read(folder.file(.annotate))
        prompts = rows.count
        responses = rows.reduce(0) { $0 + $1.responses.count }
        drawn = rewards.map { name in
            (
                name,
                rows.map { row in Sample(row.scores.first { $0.name == name }?.values ?? []).mean }
            )
        }
        gaps = try Self.rows(of: folder.file(.pairs)).map {
            ($0["scores_chosen"]?[deciding]?.double ?? 0) - ($0["scores_rejected"]?[deciding]?.double ?? 0)
        }
        pairs = gaps.count
        let path = FileSystem.join(folder.file(.train), "samples.jsonl")
        let samples = FileSystem.exists(path) ? try Self.rows(of: path) : []
        let last = samples.compactMap { $0["step"]?.integer }.max() ?? 0
        heldOut =
            last == 0
            ? []
            : rewards.map { name in
                HeldOut(
                    name: name, before: Self.means(of: samples, name, step: 0),
                    after: Self.means(of: samples, name, step: last))
            }
    }

    private static func rows(of path: String) throws -> [JSON] {
        var lines = try LineReader(path: path)
        var rows: [JSON] = []
        while let line = try lines.next() { rows.append(try JSON.parse(line)) }
        return rows
    }

    /// A reward of the samples of one step, a mean for each prompt.
    private static func means(of samples: [JSON], _ name: String, step: Int) -> [Double] {
        var values: [(index: Int, values: [Double])] = []
        for row in samples where row["step"]?.integer == step {
            guard let index = row["index"]?.integer, let value = row["rewards"]?[name]?.double else { continue }
            if values.last?.index == index {
                values[values.count - 1].values.append(value)
            } else {
                values.append((index, [value]))
            }
        }
        return values.map { Sample($0.values).mean }
    }

    // MARK: - Telling

    var line: String {
        let rewards = drawn.map { "\($0.name) \(RoundReport.text(Sample($0.values)))" }.joined(separator: ", ")
        var text = "round \(round): \(responses) responses to \(prompts) prompts (\(rewards)), \(pairs) pairs"
        for reward in heldOut {
            text += "; held-out \(reward.name) \(fixed(Sample(reward.before).mean, 4)) → "
                + RoundReport.text(Sample(reward.after))
        }
        return text
    }

    /// A line of `rounds.jsonl`.
    var json: JSONObject {
        var row: JSONObject = [
            "round": .integer(round), "prompts": .integer(prompts), "responses": .integer(responses),
            "pairs": .integer(pairs), "pairs_gap": .number(Sample(gaps).mean),
        ]
        for (name, values) in drawn { row["rewards/\(name)"] = .number(Sample(values).mean) }
        for reward in heldOut {
            let after = Sample(reward.after)
            row["held_out_rewards_before/\(reward.name)"] = .number(Sample(reward.before).mean)
            row["held_out_rewards/\(reward.name)"] = .number(after.mean)
            row["held_out_rewards/\(reward.name)/low"] = .number(after.interval.low)
            row["held_out_rewards/\(reward.name)/high"] = .number(after.interval.high)
        }
        return row
    }
}
