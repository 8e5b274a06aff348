extension Loss {
    /// Binary classifier optimization on pairs: −log σ(h_w − δ) − log σ(−(h_l − δ)), arXiv 2404.04656. The reward shift
    /// δ is the mean of h over both responses of all pairs so far, this batch's included. TRL leaves δ out (it is 0)
    /// since 1.0.
    ///
    /// ∂ℓ/∂h_w = −σ(δ − h_w), ∂ℓ/∂h_l = σ(h_l − δ), times β; δ has no gradient.
    package static let bcoPair = Loss(
        "bco_pair", "BCO", "−log σ(h_w − δ) − log σ(δ − h_l), δ a running mean of h", source: "arXiv 2404.04656",
        constants: [.beta(0.1)], needsReference: true, statistic: .runningLogRatio
    ) { pair, c in
        let chosen = c.beta * pair.chosen.logRatio - c.referencePoint
        let rejected = c.beta * pair.rejected.logRatio - c.referencePoint
        return PairSlope(
            loss: -logSigmoid(chosen) - logSigmoid(-rejected), chosen: -logistic(-chosen) * c.beta,
            rejected: logistic(rejected) * c.beta)
    }
}
