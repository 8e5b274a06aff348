import Machine
import Objectives

/// How a run's held-out evaluations stand beside the one before its first step.
struct HeldOutProgress {
    private var first: EvaluationResult?
    private var best: (step: Int, loss: Double)?
    private var last: (step: Int, result: EvaluationResult)?

    /// Takes note of an evaluation; those of step 0 are the untrained policy's.
    /// - Returns: the line that tells it, beside the untrained level where that is known.
    mutating func add(_ result: EvaluationResult, step: Int) -> String {
        let metrics = result.metrics
        let loss = metrics["loss"] ?? .nan
        var text = step == 0 ? "before step 1" : "step \(step)"
        text += ": held-out loss \(fixed(loss, 4))"
        if let perplexity = metrics["perplexity"] { text += ", perplexity \(fixed(perplexity, 2))" }
        if let margin = metrics["rewards/margins"] { text += ", margin \(fixed(margin, 3))" }
        if let accuracy = metrics["rewards/accuracies"] { text += ", accuracy \(fixed(100 * accuracy, 1)) %" }
        if step == 0 {
            first = result
        } else {
            if let untrained = first?.metrics["loss"] { text += " (untrained: loss \(fixed(untrained, 4)))" }
            if loss < best?.loss ?? .infinity { best = (step, loss) }
            last = (step, result)
        }
        return text
    }

    /// One sentence on what the training did to the held-out loss, with the 95 % interval of the mean difference over the
    /// judgements; nil without an evaluation at both ends.
    var conclusion: String? {
        guard let first, let last, first.losses.count == last.result.losses.count else { return nil }
        let differences = zip(last.result.losses, first.losses).map { $0 - $1 }
        let (mean, halfWidth) = Self.interval(differences)
        let verdict =
            abs(mean) <= halfWidth
            ? "no different from where it began" : mean < 0 ? "better than where it began" : "worse than where it began"
        var text =
            "held-out loss \(fixed(last.result.metrics["loss"] ?? .nan, 4)) after the last step, "
            + "\(fixed(first.metrics["loss"] ?? .nan, 4)) before the first: \(verdict) "
            + "(difference \(mean > 0 ? "+" : "")\(fixed(mean, 4)) ± \(fixed(halfWidth, 4)), 95 %)"
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

    /// Mean and half of the 95 % interval of independent numbers.
    private static func interval(_ values: [Double]) -> (mean: Double, halfWidth: Double) {
        let count = Double(values.count)
        let mean = values.reduce(0, +) / max(1, count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, count > 1 ? 1.96 * (squares / (count - 1) / count).squareRoot() : .infinity)
    }
}
