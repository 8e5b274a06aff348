import Machine
import Objectives
import Statistics
import Storage

/// A run's held-out evaluations beside the one before its first step.
struct HeldOutProgress {
    /// Before the first step: each judgement's loss.
    private var first: [Double]?
    private var best: (step: Int, loss: Double)?
    private var last: (step: Int, result: EvaluationResult)?

    /// Takes up what a run found before it was broken off.
    ///
    /// - Parameters:
    ///   - record: of the evaluation before the first step.
    ///   - rows: of `metrics.jsonl`, up to the step that the run goes on from.
    mutating func restore(_ record: HeldOutRecord?, rows: [JSON]) {
        first = record?.losses
        for row in rows {
            guard let step = row["step"]?.integer, step > 0, let loss = row["eval_loss"]?.double else { continue }
            if loss < best?.loss ?? .infinity { best = (step, loss) }
        }
    }

    /// Takes note of an evaluation; those of step 0 are the untrained policy's.
    /// - Returns: the line that tells it, beside the untrained level where that is known.
    mutating func add(_ result: EvaluationResult, step: Int) -> String {
        let metrics = result.metrics
        let loss = metrics["loss"] ?? .nan
        var text = step == 0 ? "before step 1" : "step \(step)"
        text += ": held-out loss \(fixed(loss, 4))"
        if let perplexity = metrics["perplexity"] { text += ", perplexity \(fixed(perplexity, 2))" }
        if let margin = metrics["rewards/margins"] { text += ", margin \(fixed(margin, 3))" }
        if let accuracy = metrics.accuracyText { text += ", \(accuracy)" }
        if step == 0 {
            first = result.losses
        } else {
            if let first { text += " (untrained: loss \(fixed(Sample(first).mean, 4)))" }
            if loss < best?.loss ?? .infinity { best = (step, loss) }
            last = (step, result)
        }
        return text
    }

    /// One sentence on what the training did to the held-out loss, with the 95 % interval of the mean difference over the
    /// judgements; nil without an evaluation at both ends.
    var conclusion: String? {
        guard let first, let last, first.count == last.result.losses.count else { return nil }
        let difference = Sample(zip(last.result.losses, first).map { $0 - $1 })
        let halfWidth = first.count > 1 ? Interval.z * difference.standardError : .infinity
        let verdict =
            abs(difference.mean) <= halfWidth
            ? "no different from where it began"
            : difference.mean < 0 ? "better than where it began" : "worse than where it began"
        var text =
            "held-out loss \(fixed(last.result.metrics["loss"] ?? .nan, 4)) after the last step, "
            + "\(fixed(Sample(first).mean, 4)) before the first: \(verdict) "
            + "(difference \(difference.mean > 0 ? "+" : "")\(fixed(difference.mean, 4)) ± \(fixed(halfWidth, 4)), 95 %)"
        if let best, best.step != last.step, best.loss < last.result.metrics["loss"] ?? .nan {
            text += "; its best was step \(best.step) with \(fixed(best.loss, 4))"
        }
        return text
    }

    /// Whether held-out rewards rank pairs no better than a coin would: nil without any that count.
    var isAtChance: Bool? {
        guard let metrics = last?.result.metrics, let accuracy = metrics["rewards/accuracies"] else { return nil }
        let decided = (1 - (metrics["ties"] ?? 0)) * Double(metrics.judgements)
        guard decided >= 20 else { return nil }
        let share = accuracy * Double(metrics.judgements) / decided
        return share <= 0.5 + 1.96 * 0.5 / decided.squareRoot()
    }
}

extension Metrics {
    /// "accuracy 97.5 %"; where all rewards tie, as before the first step, that instead of an alarming 0 %.
    var accuracyText: String? {
        guard let accuracy = self["rewards/accuracies"] else { return nil }
        if self["ties"] == 1 { return "no accuracy yet (all tie: the policy is still its reference)" }
        return "accuracy \(fixed(100 * accuracy, 1)) %"
    }
}
