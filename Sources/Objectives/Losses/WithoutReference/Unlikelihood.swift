extension Loss {
    private static let alpha = Constant(
        "alpha", "α, the weight of the rejected response's likelihood", in: .nonNegative, standard: 0.1,
        because: "of the DPO paper's sweep 0.05, 0.1, 0.5, 1")
    private static let floor = Constant(
        "unlikelihood_floor", "the rejected response's mean logps below which it is unlikely enough, in nats per token",
        in: .negative, standard: -10,
        because: "a token drawn blindly from 22,000; without it the loss has no lower bound")

    /// Unlikelihood: −ā_w + α max(ā_l, floor), the baseline of the DPO paper's figure 2, arXiv 2305.18290.
    ///
    /// ∂ℓ/∂P_w = −1/n_w, ∂ℓ/∂P_l = α/n_l above the floor, otherwise 0.
    package static let unlikelihood = Loss(
        "unlikelihood", "unlikelihood", "−ā_w + α max(ā_l, floor)", source: "arXiv 2305.18290 fig. 2",
        constants: [alpha, floor], reward: { _ in Reward(measure: .meanLogps, scale: 1) }
    ) { pair, c in
        let rejected = pair.rejected.meanLogps
        let counts = rejected > c[floor]
        return PairSlope(
            loss: -pair.chosen.meanLogps + c[alpha] * max(rejected, c[floor]),
            chosen: -1 / Double(pair.chosen.length),
            rejected: counts ? c[alpha] / Double(pair.rejected.length) : 0)
    }
}
