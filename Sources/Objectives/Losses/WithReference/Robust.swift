extension Loss {
    /// Robust DPO: [−(1−ε) log σ(βΔ) + ε log σ(−βΔ)] / (1−2ε), arXiv 2403.00409. Its mean over pairs of which a share ε
    /// is the wrong way round is DPO's over the right ones; a single pair's may be below 0.
    ///
    /// ∂ℓ/∂(βΔ) = −[(1−ε) σ(−βΔ) + ε σ(βΔ)] / (1−2ε), times ±β.
    package static let robust = Loss(
        "robust", "robust DPO", "[−(1−ε) log σ(βΔ) + ε log σ(−βΔ)] / (1−2ε)", source: "arXiv 2403.00409",
        constants: [.beta(0.1), .labelSmoothing], needsReference: true
    ) { pair, c in
        let (x, epsilon) = (c.beta * pair.logRatioDifference, c.labelSmoothing)
        let scale = 1 - 2 * epsilon
        // Without ε also keeps 0 · ∞ out of a saturated pair.
        guard epsilon > 0 else { return PairSlope((-logSigmoid(x), -logistic(-x)), scale: c.beta) }
        let loss = (-(1 - epsilon) * logSigmoid(x) + epsilon * logSigmoid(-x)) / scale
        let slope = -((1 - epsilon) * logistic(-x) + epsilon * logistic(x)) / scale
        return PairSlope((loss, slope), scale: c.beta)
    }
}
