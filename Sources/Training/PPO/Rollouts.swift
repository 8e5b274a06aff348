import Objectives
import Preferences
import RunFiles

/// The responses that the policy drew in a step, with all that was known of them before its updates; the same on every rank.
struct Rollouts {
    /// A comparison with one response for each, in step order.
    let set: PreferenceSet
    /// Whether each ended by itself.
    let isFinished: [Bool]
    /// log π_old, log π_ref and v_old of every token, response by response.
    let logps: [[Double]]
    let referenceLogps: [[Double]]
    let values: [[Double]]
    /// The rewards by name, unweighted, and what is paid of each response: their weighted sum less a penalty, normalised where
    /// the run asks for it.
    let rewards: [(name: String, values: [Double])]
    let scores: [Double]
    let paid: [Double]

    var count: Int { isFinished.count }

    /// Σ_t log π/π_ref of each.
    var divergences: [Double] {
        zip(logps, referenceLogps).map { zip($0, $1).reduce(0) { $0 + ($1.0 - $1.1) } }
    }

    /// The advantages, returns and old values that every token is trained by.
    ///
    /// - Parameter coefficient: b.
    func tokens(
        coefficient: Double, gamma: Double, lambda: Double, whitensRewards: Bool
    ) -> [[ClippedObjective.Token]] {
        var rewards = zip(logps, referenceLogps).map { zip($0, $1).map { -coefficient * ($0 - $1) } }
        for response in rewards.indices { rewards[response][rewards[response].count - 1] += paid[response] }
        if whitensRewards { rewards = Whitening.whitened(rewards, shiftsMean: false) }
        let estimates = rewards.indices.map {
            GeneralizedAdvantage.estimate(rewards: rewards[$0], values: values[$0], gamma: gamma, lambda: lambda)
        }
        let advantages = Whitening.whitened(estimates.map(\.advantages))
        return rewards.indices.map { response in
            rewards[response].indices.map { t in
                ClippedObjective.Token(
                    logp: logps[response][t], value: values[response][t], advantage: advantages[response][t],
                    target: estimates[response].returns[t])
            }
        }
    }

    /// Means over the responses, by TRL's names.
    func metrics(coefficient: Double) -> [(name: String, value: Double)] {
        func mean(_ values: some Sequence<Double>) -> Double { values.reduce(0, +) / Double(count) }
        let divergence = mean(divergences)
        return [
            ("objective/kl", divergence), ("objective/entropy", mean(logps.map { -$0.reduce(0, +) })),
            ("objective/non_score_reward", -coefficient * divergence),
            ("objective/rlhf_reward", mean(paid) - coefficient * divergence), ("objective/scores", mean(scores)),
            ("objective/kl_coef", coefficient),
        ] + rewards.map { ("rewards/\($0.name)", mean($0.values)) } + [
            ("completions/mean_length", mean(logps.map { Double($0.count) })),
            ("val/num_eos_tokens", Double(isFinished.count { $0 })),
        ]
    }
}
