extension Loss {
    /// Contrastive preference optimization: −log σ(β (P_w − P_l)) + α NLL(y_w), arXiv 2401.08417 eq. 3 (as TRL cites it).
    ///
    /// ∂ℓ/∂x = −σ(−x) of the argument x of σ, times ±β.
    package static let cpo = Loss(
        "cpo", "CPO", "−log σ(β (P_w − P_l)) + α NLL(y_w)", source: "arXiv 2401.08417 eq. 3",
        constants: [.beta(0.1, "β, the scale of the reward β P"), .labelSmoothing],
        nll: NLLTerm(fixed: 0, standard: 1, reduction: .token, reason: "the paper's and TRL's"),
        reward: { Reward(measure: .logps, scale: $0.beta) }
    ) { pair, c in
        PairSlope(
            negativeLogSigmoid(c.beta * (pair.chosen.logps - pair.rejected.logps), smoothing: c.labelSmoothing),
            scale: c.beta)
    }
}
