extension Loss {
    private static let gamma = Constant(
        "gamma", "γ, the margin of rewards aimed at, in the units of the reward", in: .nonNegative, standard: nil,
        because: "gamma_beta_ratio times beta", rivals: ["gamma_beta_ratio"])
    private static let ratio = Constant(
        "gamma_beta_ratio", "γ/β, the same margin in nats per token", in: .nonNegative, standard: 0.5,
        because: "the paper's for base models", rivals: ["gamma"])

    /// Simple preference optimization: −log σ(β ā_w − β ā_l − γ), arXiv 2405.14734 eq. 6. With `normalise: sum` P stands in place
    /// of ā, the paper's ablation without length normalisation.
    ///
    /// ∂ℓ/∂x = −σ(−x) of the argument x of σ, times ±β/n or ±β.
    package static let simpo = Loss(
        "simpo", "SimPO", "−log σ(β ā_w − β ā_l − γ)", source: "arXiv 2405.14734 eq. 6",
        constants: [
            .beta(2, "β, the scale of the reward β ā", because: "the paper's for base models, where TRL has 0.1"),
            gamma, ratio, .normalise(.mean, because: "the paper's"), .labelSmoothing,
        ],
        reward: { Reward(measure: $0.normalise == .sum ? .logps : .meanLogps, scale: $0.beta) },
        derived: { c in
            c["gamma"] == nil
                ? [("gamma", c[ratio] * c.beta)] : [("gamma_beta_ratio", c[gamma] / c.beta)]
        }
    ) { pair, c in
        let sums = c.normalise == .sum
        let chosen = c.beta * (sums ? pair.chosen.logps : pair.chosen.meanLogps)
        let rejected = c.beta * (sums ? pair.rejected.logps : pair.rejected.meanLogps)
        let gamma = c["gamma"] == nil ? c[ratio] * c.beta : c[gamma]
        let (loss, slope) = negativeLogSigmoid(chosen - rejected - gamma, smoothing: c.labelSmoothing)
        return PairSlope(
            loss: loss, chosen: slope * c.beta / (sums ? 1 : Double(pair.chosen.length)),
            rejected: -slope * c.beta / (sums ? 1 : Double(pair.rejected.length)))
    }
}
