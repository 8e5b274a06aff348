import Objectives
import Storage

extension JudgementResult {
    /// A pair's numbers by `chosen` and `rejected`; a single response's under the same names without them; a list's as lists.
    func json(of objective: Objective) -> JSONObject {
        var row: JSONObject = ["index": .integer(self.row), "line": .integer(line), "loss": .number(output.loss)]
        func add(_ values: [JSON], prefix: String = "", _ name: String) {
            switch input.verdict {
            case .pair:
                for (side, value) in zip(["chosen", "rejected"], values) { row["\(prefix)\(side)_\(name)"] = value }
            case .list: row["\(prefix)\(name)"] = .array(values)
            case .labelled: row["\(prefix)\(name)"] = values[0]
            case .demonstration: row["\(prefix)chosen_\(name)"] = values[0]
            }
        }
        if case .labelled(let isDesirable) = input.verdict { row["label"] = .bool(isDesirable) }
        add(output.rewards.map { .number($0) }, "reward")
        add(input.responses.map { .number($0.logps) }, prefix: "policy_", "logps")
        add(input.responses.map { .integer($0.length) }, "length")
        if objective.needsReference {
            add(input.responses.map { .number($0.referenceLogps) }, prefix: "reference_", "logps")
        }
        if !weights.isEmpty {
            row["weights"] = .object(weights.reduce(into: JSONObject()) { $0[$1.name] = .number($1.weight) })
        }
        if objective.needsMarginRewards { add(output.combinedRewards.map { .number($0) }, "combined_reward") }
        if objective.needs(.mismatchedLogRatio) || objective.needs(.runningLogRatio) {
            row["reference_point"] = .number(output.referencePoint)
        }
        return row
    }

    /// The same with what the objective makes of it: `margin`, the difference of rewards, of a label's response the reward's
    /// distance to the right side; `accuracy`, 1 if it is ranked rightly, else 0, of a list the share of its orders; `tie`
    /// where the rewards are equal up to rounding.
    func verdict(of objective: Objective) -> JSONObject {
        var row = json(of: objective)
        var metrics = Metrics(of: objective)
        metrics.add(input, output)
        if case .labelled(let isDesirable) = input.verdict {
            row["margin"] = .number((isDesirable ? 1 : -1) * (output.rewards[0] - output.referencePoint))
        } else if let margin = metrics["rewards/margins"] {
            row["margin"] = .number(margin)
        }
        if let accuracy = metrics["rewards/accuracies"] { row["accuracy"] = .number(accuracy) }
        if metrics["ties"] == 1 { row["tie"] = true }
        return row
    }
}
