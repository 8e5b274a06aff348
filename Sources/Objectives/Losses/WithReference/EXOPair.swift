import Glibc

extension Loss {
    private static let smoothing = Constant(
        "label_smoothing", "ε, the share of pairs whose order is taken to be wrong", in: .positiveBelow(0.5),
        standard: 0.001, because: "the paper's; without it the reverse KL would be infinite")

    /// Efficient exact optimization on pairs: KL(q ‖ p) of q = (σ(βΔ), σ(−βΔ)) and p = (1−ε, ε), arXiv 2402.00856 eq. 16.
    ///
    /// ∂ℓ/∂x = σ′(x) (x − log((1−ε)/ε)) with x = βΔ, times ±β.
    package static let exoPair = Loss(
        "exo_pair", "EXO", "σ(x) (log σ(x) − log(1−ε)) + σ(−x) (log σ(−x) − log ε), x = βΔ",
        source: "arXiv 2402.00856 eq. 16", constants: [.beta(0.1), smoothing], needsReference: true
    ) { pair, c in
        let x = c.beta * pair.logRatioDifference
        let (kept, flipped) = (log1p(-c.labelSmoothing), log(c.labelSmoothing))
        let loss = logistic(x) * (logSigmoid(x) - kept) + logistic(-x) * (logSigmoid(-x) - flipped)
        return PairSlope((loss, logisticSlope(x) * (x - (kept - flipped))), scale: c.beta)
    }
}
