extension Loss {
    /// Multi-objective DPO: −log σ([βΔ − Σ_{k≥1} w_k (m_k(y_w) − m_k(y_l))] / w_0), arXiv 2310.03708. w_0 weighs the
    /// objective whose preferences are trained; w_k and the margin rewards m_k arrive multiplied and summed with each
    /// response. β is the β of the combined problem.
    ///
    /// ∂ℓ/∂x = −σ(−x) of the argument x of σ, times ±β/w_0. With w_0 = 1 and no margin rewards every operation added to
    /// DPO's is exact, so the bits are DPO's.
    package static let modpo = Loss(
        "modpo", "MODPO", "−log σ([βΔ − Σ w_k (m_k(y_w) − m_k(y_l))] / w_0)", source: "arXiv 2310.03708",
        constants: [
            .beta(0.1, "β of the combined problem", because: "the paper's; it tries 0.5 too"), .labelSmoothing,
        ],
        needsReference: true, needsMarginRewards: true
    ) { pair, c in
        let margin = pair.chosen.marginReward - pair.rejected.marginReward
        let x = (c.beta * pair.logRatioDifference - margin) / c.preferenceWeight
        let (loss, slope) = negativeLogSigmoid(x, smoothing: c.labelSmoothing)
        return PairSlope(
            loss: loss, chosen: slope * c.beta / c.preferenceWeight, rejected: -slope * c.beta / c.preferenceWeight)
    }
}
