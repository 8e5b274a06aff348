extension Loss {
    private static let lambda = Constant(
        "dpop_lambda", "λ, the weight of the penalty for a chosen response that became less likely", in: .nonNegative,
        standard: 50, because: "the paper's")

    /// DPO-Positive: −log σ(βΔ − λβ max(0, R_w − P_w)), arXiv 2402.13228 eq. 3. There β stands before the whole bracket
    /// (log-ratios and penalty), so it multiplies λ too.
    ///
    /// ∂ℓ/∂x = −σ(−x) of the argument x of σ, times β (1 + λ) for P_w below R_w, otherwise β; times −β for P_l.
    package static let dpop = Loss(
        "dpop", "DPO-Positive", "−log σ(βΔ − λβ max(0, R_w − P_w))", source: "arXiv 2402.13228 eq. 3",
        constants: [.beta(0.1), lambda, .labelSmoothing], needsReference: true
    ) { pair, c in
        let fallen = max(-pair.chosen.logRatio, 0)
        let x = c.beta * pair.logRatioDifference - c[lambda] * c.beta * fallen
        let (loss, slope) = negativeLogSigmoid(x, smoothing: c.labelSmoothing)
        return PairSlope(
            loss: loss, chosen: slope * c.beta * (fallen > 0 ? 1 + c[lambda] : 1), rejected: -slope * c.beta)
    }
}
