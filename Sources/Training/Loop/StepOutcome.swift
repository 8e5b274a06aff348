import Objectives
import Preferences

/// What a step found of one judgement.
package struct JudgementResult {
    /// Data row, counted from 0, and line of the file, counted from 1.
    let row: Int
    let line: Int
    let input: JudgementInput
    package let output: JudgementOutput
}

/// What a step found, the same on every rank.
package struct StepOutcome {
    /// In step order.
    package let judgements: [JudgementResult]
    /// Of the gradient before clipping.
    package let norm: Double
    let rate: Double
    /// Some rank was asked to save and end.
    let stop: Bool
}
