/// The price b of leaving the reference, in reward per nat: fixed, or led to where the divergence has a target,
///
///     e = clip(KL / target − 1, ±0.2),   b ← b (1 + 0.1 e)
///
/// once a step (Ziegler et al., arXiv 1909.08593 section 2.2).
package struct KLCoefficient: Sendable, Equatable {
    /// b
    package var value: Double
    /// In nats a response; nil: b is fixed.
    package let target: Double?

    package init(_ value: Double, target: Double?) { (self.value, self.target) = (value, target) }

    /// - Parameter divergence: the mean over the step's responses, in nats.
    package mutating func update(divergence: Double) {
        guard let target else { return }
        value *= 1 + 0.1 * min(max(divergence / target - 1, -0.2), 0.2)
    }
}
