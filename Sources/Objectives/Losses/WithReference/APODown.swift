extension Loss {
    /// Anchored preference optimization for chosen responses that are worse than the model's own:
    /// σ(h_w) + 1 − σ(βΔ), arXiv 2408.06266 eq. 8.
    ///
    /// ∂ℓ/∂h_w = σ′(h_w) − σ′(βΔ), ∂ℓ/∂h_l = σ′(βΔ), times β.
    package static let apoDown = Loss(
        "apo_down", "APO-down", "σ(h_w) + 1 − σ(βΔ)", source: "arXiv 2408.06266 eq. 8", constants: [.beta(0.1)],
        needsReference: true
    ) { pair, c in
        let (chosen, margin) = (c.beta * pair.chosen.logRatio, c.beta * pair.logRatioDifference)
        return PairSlope(
            loss: logistic(chosen) + logistic(-margin),
            chosen: (logisticSlope(chosen) - logisticSlope(margin)) * c.beta,
            rejected: logisticSlope(margin) * c.beta)
    }
}
