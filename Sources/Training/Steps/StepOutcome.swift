import Objectives
import Preferences

/// A step's numbers of one judgement.
package struct JudgementResult {
    /// Data row, counted from 0, and line of the file, counted from 1.
    let row: Int
    let line: Int
    let input: JudgementInput
    package let output: JudgementOutput
    /// The factor of the loss before a mean over all judgements is taken (see `StepPlan.lossWeight`).
    var lossWeight = 1.0
    /// Of the objectives, where they are drawn.
    var weights: [(name: String, weight: Double)] = []
}

/// Means over the responses that the policy drew in a step, or in several.
struct RolloutMetrics {
    private(set) var responses = 0
    private(set) var values: [(name: String, value: Double)] = []

    init(responses: Int = 0, values: [(name: String, value: Double)] = []) {
        (self.responses, self.values) = (responses, values)
    }

    /// Adds those of another step, by the number of its responses.
    mutating func add(_ other: RolloutMetrics) {
        guard responses > 0 else { return self = other }
        let share = Double(other.responses) / Double(responses + other.responses)
        for (place, (_, value)) in other.values.enumerated() { values[place].value += share * (value - values[place].value) }
        responses += other.responses
    }

    subscript(name: String) -> Double? { values.first { $0.name == name }?.value }
}

/// A step's results, the same on every rank.
package struct StepOutcome {
    /// In step order; none of a step whose responses the policy drew.
    package var judgements: [JudgementResult] = []
    /// The metrics that such a step has instead.
    var rollouts = RolloutMetrics()
    /// Of the gradient before clipping.
    package let norm: Double
    let rate: Double
    /// Some rank was asked to save and end.
    let stop: Bool
}
