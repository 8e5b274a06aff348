import Objectives
import Storage

/// What an evaluation found of a set: its metrics, and each judgement's loss for comparisons with another evaluation.
package struct EvaluationResult {
    package let metrics: Metrics
    /// In the order of the set.
    package let losses: [Double]
    /// Of runs with margin rewards: `objectives/NAME/…` of every objective.
    let objectives: [(name: String, value: Double)]
    /// Standard deviation over pairs of the reward's difference.
    let rewardSpread: Double

    /// Everything by the names of `metrics.jsonl`, without their prefix `eval_`.
    package var values: [(name: String, value: Double)] { metrics.values + objectives }

    /// The members of a row of `metrics.jsonl`.
    package var row: JSONObject {
        var row = JSONObject()
        for (name, value) in values { row["eval_\(name)"] = .number(value) }
        row["eval_pairs"] = .integer(metrics.judgements)
        return row
    }
}
