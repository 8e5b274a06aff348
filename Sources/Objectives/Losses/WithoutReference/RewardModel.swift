extension Loss {
    private static let centering = Constant(
        "center_rewards_coefficient", "c, how strongly the rewards of a pair are held to a sum of zero",
        in: .nonNegative,
        standard: 0, because: "TRL's: no term; the paper's 0.01 keeps rewards of different models comparable")

    /// A reward model by Bradley and Terry's preferences: −log σ(r_w − r_l − m) + c (r_w + r_l)². r is the model's number for
    /// a response, which stands where other losses have its logps; m is the margin that a row may give
    /// (arXiv 2307.09288 eq. 2).
    ///
    /// ∂ℓ/∂r_w = −σ(−x) + 2 c (r_w + r_l) and ∂ℓ/∂r_l = σ(−x) + 2 c (r_w + r_l), with x the argument of σ.
    package static let reward = Loss(
        "reward", "reward model", "−log σ(r_w − r_l − m) + c (r_w + r_l)²",
        source: "arXiv 2203.02155 eq. 1; the centering of arXiv 2312.09244 eq. 2",
        constants: [centering], readsRewards: true, reward: { _ in Reward(measure: .model, scale: 1) }
    ) { pair, c in
        let (chosen, rejected) = (pair.chosen.logps, pair.rejected.logps)
        let margin = pair.chosen.marginReward - pair.rejected.marginReward
        let (loss, slope) = negativeLogSigmoid(chosen - rejected - margin, smoothing: 0)
        let sum = chosen + rejected
        let centred = 2 * c[centering] * sum
        return PairSlope(
            loss: loss + c[centering] * sum * sum, chosen: slope + centred, rejected: -slope + centred)
    }
}
