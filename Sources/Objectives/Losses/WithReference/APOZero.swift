extension Loss {
    /// Anchored preference optimization for chosen responses that are better than the model's own:
    /// 1 − σ(h_w) + σ(h_l), arXiv 2408.06266 eq. 7.
    ///
    /// ∂ℓ/∂h_w = −σ′(h_w), ∂ℓ/∂h_l = σ′(h_l), times β.
    package static let apoZero = Loss(
        "apo_zero", "APO-zero", "1 − σ(h_w) + σ(h_l)", source: "arXiv 2408.06266 eq. 7", constants: [.beta(0.1)],
        needsReference: true
    ) { pair, c in
        let (chosen, rejected) = (c.beta * pair.chosen.logRatio, c.beta * pair.rejected.logRatio)
        return PairSlope(
            loss: logistic(-chosen) + logistic(rejected), chosen: -logisticSlope(chosen) * c.beta,
            rejected: logisticSlope(rejected) * c.beta)
    }
}
