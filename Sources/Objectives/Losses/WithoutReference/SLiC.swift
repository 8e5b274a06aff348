extension Loss {
    private static let delta = Constant(
        "delta", "δ, the margin of logps aimed at, in nats", in: .nonNegative, standard: 1,
        because: "of SimPO's grid 0.1, 0.5, 1, 2")

    /// Sequence likelihood calibration from human feedback: max(0, δ − P_w + P_l) + λ NLL(y_w), arXiv 2305.10425.
    ///
    /// ∂ℓ/∂P_w = −1 and ∂ℓ/∂P_l = 1 until the margin is reached; at the kink 0.
    package static let slic = Loss(
        "slic", "SLiC-HF", "max(0, δ − P_w + P_l) + λ NLL(y_w)", source: "arXiv 2305.10425",
        constants: [delta],
        nll: NLLTerm(fixed: 0, standard: 1, reduction: .sum, reason: "λ of SimPO's grid 0.1, 0.5, 1, 10"),
        reward: { _ in Reward(measure: .logps, scale: 1) }
    ) { pair, c in
        let short = c[delta] - pair.chosen.logps + pair.rejected.logps
        return PairSlope((max(short, 0), short > 0 ? -1 : 0), scale: 1)
    }
}
