/// Generalized advantage estimation (arXiv 1506.02438 eq. 16) along one response: with δ_t = r_t + γ v_{t+1} − v_t,
///
///     A_t = δ_t + γ λ A_{t+1},   G_t = A_t + v_t
///
/// where nothing follows the last token.
package enum GeneralizedAdvantage {
    /// - Parameters:
    ///   - rewards: r_t, one for each token.
    ///   - values: v_t of the states that the tokens are drawn in.
    package static func estimate(
        rewards: [Double], values: [Double], gamma: Double, lambda: Double
    ) -> (advantages: [Double], returns: [Double]) {
        var advantages = rewards
        var (nextValue, nextAdvantage) = (0.0, 0.0)
        for t in rewards.indices.reversed() {
            let delta = rewards[t] + gamma * nextValue - values[t]
            nextAdvantage = delta + gamma * lambda * nextAdvantage
            nextValue = values[t]
            advantages[t] = nextAdvantage
        }
        return (advantages, zip(advantages, values).map { $0 + $1 })
    }
}
