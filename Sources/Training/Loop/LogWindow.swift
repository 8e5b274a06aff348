import Liveness
import Machine
import Objectives
import Preferences
import Storage

/// The steps since the last logged row.
struct LogWindow {
    private var metrics: Metrics
    private var rollouts = RolloutMetrics()
    private var tokens = 0
    private var seconds = 0.0
    private var phases: [Phase: Double] = [:]
    private var norm = 0.0
    private var rate = 0.0

    init(objective: Objective) { metrics = Metrics(of: objective) }

    mutating func add(_ outcome: StepOutcome, plan: StepPlan, seconds: Double, phases: [Phase: Double]) {
        for judgement in outcome.judgements {
            metrics.add(judgement.input, judgement.output, lossWeight: judgement.lossWeight)
        }
        rollouts.add(outcome.rollouts)
        tokens += plan.rows
        self.seconds += seconds
        self.phases.merge(phases) { $0 + $1 }
        (norm, rate) = (outcome.norm, outcome.rate)
    }

    /// A row of `metrics.jsonl`: means over the window's pairs; gradient norm and learning rate of its last step.
    func row(step: Int, epoch: Double) -> JSONObject {
        var row: JSONObject = ["step": .integer(step), "epoch": .number(epoch)]
        for (name, value) in metrics.values {
            row[name] = .number(value)
            if name == "loss" {
                row["grad_norm"] = .number(norm)
                row["learning_rate"] = .number(rate)
            }
        }
        for (name, value) in rollouts.values { row[name] = .number(value) }
        if rollouts.responses > 0 {
            row["grad_norm"] = .number(norm)
            row["learning_rate"] = .number(rate)
            row["responses"] = .integer(rollouts.responses)
        } else {
            row["pairs"] = .integer(metrics.judgements)
        }
        row["tokens"] = .integer(tokens)
        row["seconds"] = .number(seconds)
        if metrics["perplexity"] != nil { row["tokens_per_second"] = .number(Double(tokens) / max(seconds, 1e-9)) }
        for phase in Phase.allCases {
            if let time = phases[phase] { row["time/\(phase.rawValue)"] = .number(time) }
        }
        return row
    }

    func progressLine(step: Int, of steps: Int) -> String {
        if let score = rollouts["objective/scores"], let divergence = rollouts["objective/kl"] {
            return "step \(step)/\(steps)  score \(fixed(score, 4))  KL \(fixed(divergence, 3))  "
                + "\(fixed(Double(rollouts.responses) / max(seconds, 1e-9), 2)) responses/s"
        }
        var text = "step \(step)/\(steps)  loss \(fixed(metrics["loss"] ?? .nan, 4))"
        if let margin = metrics["rewards/margins"] { text += "  margin \(fixed(margin, 3))" }
        if let accuracy = metrics.accuracyText { text += "  \(accuracy)" }
        if let perplexity = metrics["perplexity"] {
            return text
                + "  perplexity \(fixed(perplexity, 2))  \(fixed(Double(tokens) / max(seconds, 1e-9), 0)) tokens/s"
        }
        return text + "  \(fixed(Double(metrics.judgements) / max(seconds, 1e-9), 2)) pairs/s"
    }
}
