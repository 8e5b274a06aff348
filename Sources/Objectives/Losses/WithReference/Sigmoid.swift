extension Loss {
    /// Direct preference optimization: −log σ(βΔ), arXiv 2305.18290 eq. 7. With ε > 0 the conservative form
    /// −(1−ε) log σ(βΔ) − ε log σ(−βΔ): cDPO, eq. 3 of Mitchell's note on noisy preferences.
    ///
    /// ∂ℓ/∂(βΔ) = ε σ(βΔ) − (1−ε) σ(−βΔ), times ±β.
    package static let sigmoid = Loss(
        "sigmoid", "DPO", "−log σ(βΔ)", source: "arXiv 2305.18290 eq. 7; with label_smoothing Mitchell's cDPO eq. 3",
        constants: [.beta(0.1), .labelSmoothing], needsReference: true
    ) { pair, c in
        PairSlope(
            negativeLogSigmoid(c.beta * pair.logRatioDifference, smoothing: c.labelSmoothing), scale: c.beta)
    }
}
