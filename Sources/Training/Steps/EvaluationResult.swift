import Objectives
import Storage

/// The results of an evaluation of a set: its metrics, and each judgement's own numbers for comparisons with another
/// evaluation.
package struct EvaluationResult {
    package let metrics: Metrics
    /// In the order of the set.
    package let judgements: [JudgementResult]
    /// Of each response of the set, the policy's logps of its scored tokens; empty for a set of many tokens.
    package let tokenLogps: [[Double]]
    /// Of runs with margin rewards: `objectives/NAME/…` of every objective.
    let objectives: [(name: String, value: Double)]
    /// Standard deviation over pairs of the reward's difference.
    let rewardSpread: Double

    /// In the order of the set.
    package var losses: [Double] { judgements.map(\.output.loss) }

    /// Everything by the names of `metrics.jsonl`, without their prefix `eval_`.
    package var values: [(name: String, value: Double)] { metrics.values + objectives }

    /// Each judgement's numbers with `margin`, `accuracy` and `tie`, as far as the objective has them.
    package func verdicts(by objective: Objective) -> [JSONObject] { judgements.map { $0.verdict(of: objective) } }

    /// Each judgement's margin; none without rewards.
    func margins(by objective: Objective) -> [Double] { verdicts(by: objective).compactMap { $0["margin"]?.double } }

    /// The members of a row of `metrics.jsonl`.
    package var row: JSONObject {
        var row = JSONObject()
        for (name, value) in values { row["eval_\(name)"] = .number(value) }
        row["eval_pairs"] = .integer(metrics.judgements)
        return row
    }
}
