extension Loss {
    private static let desirable = Constant(
        "desirable_weight", "λ_D, the weight of desirable responses", in: .positive, standard: 1, because: "TRL's")
    private static let undesirable = Constant(
        "undesirable_weight", "λ_U, the weight of undesirable responses", in: .positive, standard: 1,
        because: "TRL's")

    /// Kahneman–Tversky optimization of single labelled responses: λ_D (1 − σ(h − z)) for a desirable one, λ_U (1 − σ(z − h))
    /// for the others, arXiv 2402.01306 eq. 7 and 8. z = β · max(0, the batch's estimate of KL(π ‖ π_ref)).
    ///
    /// ∂ℓ/∂h = −λ_D σ′(h − z) and λ_U σ′(h − z), times β; z has no gradient.
    package static let kto = Loss(
        "kto", "KTO", "λ_D (1 − σ(h − z)) or λ_U (1 − σ(z − h))", source: "arXiv 2402.01306 eq. 7, 8",
        constants: [.beta(0.1), desirable, undesirable], needsReference: true, statistic: .mismatchedLogRatio,
        nll: nil, reward: { .implicit($0.beta) },
        formula: .labelled { response, isDesirable, c in
            let gain = c.beta * response.logRatio - c.referencePoint
            let (weight, sign) = isDesirable ? (c[desirable], 1.0) : (c[undesirable], -1.0)
            return Slope(
                loss: weight * logistic(-sign * gain), gradients: [-sign * weight * logisticSlope(gain) * c.beta])
        })
}
