import Glibc

/// The learning rate of each step as a share of `learning_rate`: the four schedules of transformers' `get_scheduler`,
/// to the bit but for the cosine.
///
/// With s the step counted from 0, W the warm-up steps and N all steps, every schedule but `constant` rises as s / W
/// while s < W, so that the first step of a warm-up has factor 0. After that:
///
/// - linear: max(0, (N − s) / (N − W))
/// - cosine: ½ (1 + cos π (s − W) / (N − W))
/// - constant, constant_with_warmup: 1
package struct Schedule: Sendable, Equatable {
    /// Raw values are the run file's words.
    package enum Kind: String, Sendable, CaseIterable {
        case linear
        case cosine
        case constant
        case constantWithWarmup = "constant_with_warmup"
    }

    /// The time in which the learning rate rises from 0.
    package enum Warmup: Sendable, Equatable {
        case steps(Int)
        /// Of all steps, rounded up.
        case ratio(Double)

        package static let none = Warmup.steps(0)

        package func steps(of totalSteps: Int) -> Int {
            switch self {
            case .steps(let steps): steps
            case .ratio(let ratio): Int((Double(totalSteps) * ratio).rounded(.up))
            }
        }
    }

    package let kind: Kind
    package let warmupSteps: Int
    package let totalSteps: Int

    package init(_ kind: Kind, warmup: Warmup = .none, totalSteps: Int) {
        self.kind = kind
        self.warmupSteps = warmup.steps(of: totalSteps)
        self.totalSteps = totalSteps
    }

    /// The factor of a step counted from 0.
    package func factor(at step: Int) -> Double {
        if kind != .constant, step < warmupSteps { return Double(step) / Double(warmupSteps) }
        let decaySteps = Double(max(1, totalSteps - warmupSteps))
        switch kind {
        case .linear: return max(0, Double(totalSteps - step) / decaySteps)
        case .cosine: return max(0, 0.5 * (1 + cos(.pi * Double(step - warmupSteps) / decaySteps)))
        case .constant, .constantWithWarmup: return 1
        }
    }
}
