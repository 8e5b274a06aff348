extension Loss {
    /// Noise contrastive alignment on pairs: −log σ(h_w) − ½ log σ(−h_w) − ½ log σ(−h_l), arXiv 2402.05369, its pairwise
    /// case as TRL has it.
    ///
    /// ∂ℓ/∂h_w = −σ(−h_w) + ½ σ(h_w), ∂ℓ/∂h_l = ½ σ(h_l), times β.
    package static let ncaPair = Loss(
        "nca_pair", "NCA", "−log σ(h_w) − ½ log σ(−h_w) − ½ log σ(−h_l)", source: "arXiv 2402.05369",
        constants: [.beta(0.1)], needsReference: true
    ) { pair, c in
        let (chosen, rejected) = (c.beta * pair.chosen.logRatio, c.beta * pair.rejected.logRatio)
        return PairSlope(
            loss: -logSigmoid(chosen) - 0.5 * logSigmoid(-chosen) - 0.5 * logSigmoid(-rejected),
            chosen: (0.5 * logistic(chosen) - logistic(-chosen)) * c.beta,
            rejected: 0.5 * logistic(rejected) * c.beta)
    }
}
