import Machine
import Statistics
import Storage

/// A policy's samples at an evaluation and their rewards.
struct SampleResult {
    /// Lines of `samples.jsonl`.
    let rows: [JSONObject]
    /// By name the mean reward of each prompt's responses.
    let rewards: [(name: String, values: [Double])]
    /// Tokens of each response.
    let tokens: [Double]
    /// Whether it came to an end of its own.
    let finished: [Bool]

    /// The means of so many neighbours each: responses to one prompt aren't independent of each other.
    static func means(_ values: [Double], of count: Int) -> [Double] {
        stride(from: 0, to: values.count, by: count).map { start in
            values[start..<min(values.count, start + count)].reduce(0, +) / Double(count)
        }
    }

    /// The members of a row of `metrics.jsonl`: means, and the ends of their 95 % intervals over prompts.
    var members: JSONObject {
        var row: JSONObject = [
            "eval_samples": .integer(rows.count), "eval_sample_tokens": .number(Sample(tokens).mean),
            "eval_sample_finished": .number(Double(finished.count { $0 }) / Double(max(1, finished.count))),
        ]
        for (name, values) in rewards {
            let sample = Sample(values)
            row["eval_sample_rewards/\(name)"] = .number(sample.mean)
            row["eval_sample_rewards/\(name)/low"] = .number(sample.interval.low)
            row["eval_sample_rewards/\(name)/high"] = .number(sample.interval.high)
        }
        return row
    }
}

/// The rewards of a run's samples beside those before its first step.
struct SampleProgress {
    private var first: SampleResult?
    private var last: SampleResult?

    /// - Returns: the line that tells of an evaluation.
    mutating func add(_ result: SampleResult, step: Int) -> String {
        if step == 0 { first = result } else { last = result }
        let rewards = result.rewards.map { name, values in
            let sample = Sample(values)
            let before = step == 0 ? nil : first?.rewards.first { $0.name == name }.map { Sample($0.values).mean }
            return "\(name) \(fixed(sample.mean, 4)) ± \(fixed(Interval.z * sample.standardError, 4))"
                + (before.map { " (before: \(fixed($0, 4)))" } ?? "")
        }
        let ends = Double(result.finished.count { $0 }) / Double(max(1, result.finished.count))
        return (step == 0 ? "before step 1" : "step \(step)") + ": \(result.rows.count) samples of "
            + "\(fixed(Sample(result.tokens).mean, 1)) tokens, \(fixed(100 * ends, 0)) % ended"
            + (rewards.isEmpty ? "" : ", rewards: " + rewards.joined(separator: ", "))
    }

    /// The effect of the training on each reward, with the 95 % interval of the mean difference over the prompts.
    var conclusions: [String] {
        guard let first, let last else { return [] }
        return zip(first.rewards, last.rewards).map { before, after in
            let difference = Sample(zip(before.values, after.values).map { $1 - $0 })
            return "reward \(before.name) of samples: \(fixed(Sample(after.values).mean, 4)) after the last step, "
                + "\(fixed(Sample(before.values).mean, 4)) before the first (difference "
                + "\(difference.mean > 0 ? "+" : "")\(fixed(difference.mean, 4)) ± "
                + "\(fixed(Interval.z * difference.standardError, 4)), 95 %)"
        }
    }
}
