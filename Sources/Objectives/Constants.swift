/// The values of an objective's constants by name: every one that its losses declare.
package struct Constants: Sendable, Equatable {
    private var values: [String: ConstantValue] = [:]
    /// w_0, the weight of the objective whose preferences are trained; 1 unless margin rewards have weights beside it.
    package internal(set) var preferenceWeight = 1.0

    /// The batch's statistic as rewards are compared with it (KTO's z, BCO's δ): one number for all judgements of the batch.
    var referencePoint = 0.0

    package subscript(name: String) -> ConstantValue? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// A number that a loss declares, and so has. NaN otherwise: it reaches the loss, where it is seen.
    package func number(_ name: String) -> Double {
        if case .number(let number) = values[name] { number } else { .nan }
    }

    subscript(constant: Constant) -> Double { number(constant.name) }

    var beta: Double { number("beta") }
    var labelSmoothing: Double { number("label_smoothing") }

    var normalise: Normalisation? {
        if case .word(let word) = values["normalise"] { Normalisation(rawValue: word) } else { nil }
    }

    var nllReduction: NLLReduction? {
        if case .word(let word) = values["nll_reduction"] { NLLReduction(rawValue: word) } else { nil }
    }
}
