extension Loss {
    private static let alpha = Constant(
        "alpha", "α, the weight of the difference of lengths in tokens", in: .nonNegative, standard: 0.05,
        because: "the least of SimPO's grid 0.05, 0.1, 0.5, 1")

    /// DPO with regularised length: −log σ(βΔ + α (n_w − n_l)), arXiv 2403.19159, the sign as in SimPO's table 3: a longer
    /// chosen response teaches less, since its length explains the preference.
    ///
    /// ∂ℓ/∂x = −σ(−x) of the argument x of σ, times ±β.
    package static let rdpo = Loss(
        "rdpo", "R-DPO", "−log σ(βΔ + α (n_w − n_l))", source: "arXiv 2403.19159; arXiv 2405.14734 table 3",
        constants: [.beta(0.1), alpha, .labelSmoothing], needsReference: true
    ) { pair, c in
        let longer = Double(pair.chosen.length - pair.rejected.length)
        return PairSlope(
            negativeLogSigmoid(
                c.beta * pair.logRatioDifference + c[alpha] * longer, smoothing: c.labelSmoothing), scale: c.beta)
    }
}
