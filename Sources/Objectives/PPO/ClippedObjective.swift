import Glibc

/// PPO's loss at a token of a response that the policy drew before its last updates: the policy's clipped surrogate
/// (arXiv 1707.06347 eq. 7) and the clipped error of the value (as OpenAI's baselines have it),
///
///     max(−A ρ, −A clip(ρ, 1 ± ε)) + c · ½ max((v − G)², (clip(v, v_old ± ε_v) − G)²),   ρ = exp(log π − log π_old)
///
/// with A the advantage and G the return, both constants. A batch's loss is the mean over its tokens.
package struct ClippedObjective: Sendable, Equatable {
    /// ε and ε_v.
    package let cliprange: Double
    package let cliprangeValue: Double
    /// c
    package let valueWeight: Double

    package init(cliprange: Double, cliprangeValue: Double, valueWeight: Double) {
        (self.cliprange, self.cliprangeValue, self.valueWeight) = (cliprange, cliprangeValue, valueWeight)
    }

    /// A drawn token with what was known of it when it was drawn.
    package struct Token: Sendable, Equatable {
        /// log π_old, in nats.
        package var logp: Double
        /// v_old
        package var value: Double
        /// A
        package var advantage: Double
        /// G
        package var target: Double

        package init(logp: Double, value: Double, advantage: Double, target: Double) {
            (self.logp, self.value, self.advantage, self.target) = (logp, value, advantage, target)
        }
    }

    /// The two losses at a token, with their derivatives.
    package struct Slope: Sendable, Equatable {
        package let policyLoss: Double
        /// Without its weight.
        package let valueLoss: Double
        /// ∂/∂ log π and ∂/∂v of their weighted sum.
        package let logp: Double
        package let value: Double
        /// ρ
        package let ratio: Double
        /// Whether the clipped one of the two is the greater.
        package let policyIsClipped: Bool
        package let valueIsClipped: Bool
    }

    /// - Parameters:
    ///   - logp: log π of the token now.
    ///   - value: v of its state now.
    package func slope(at logp: Double, _ value: Double, of token: Token) -> Slope {
        let ratio = exp(logp - token.logp)
        let plain = -token.advantage * ratio
        let clipped = -token.advantage * min(max(ratio, 1 - cliprange), 1 + cliprange)
        let nearValue = min(max(value, token.value - cliprangeValue), token.value + cliprangeValue)
        let (error, nearError) = (value - token.target, nearValue - token.target)
        let policyIsClipped = clipped > plain
        let valueIsClipped = nearError * nearError > error * error
        return Slope(
            policyLoss: policyIsClipped ? clipped : plain,
            valueLoss: 0.5 * (valueIsClipped ? nearError * nearError : error * error),
            // What is clipped and the greater is a constant.
            logp: policyIsClipped ? 0 : plain, value: valueIsClipped ? 0 : valueWeight * error, ratio: ratio,
            policyIsClipped: policyIsClipped, valueIsClipped: valueIsClipped)
    }
}
