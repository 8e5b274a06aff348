extension Loss {
    /// Length-normalised DPO: −log σ(β [(P−R)_w/n_w − (P−R)_l/n_l]), Tülu 3, arXiv 2411.15124. The rewards to report
    /// are DPO's, of sums, as TRL has them.
    ///
    /// ∂ℓ/∂P_w = −σ(−x) β/n_w, ∂ℓ/∂P_l = σ(−x) β/n_l with x the argument of σ.
    package static let sigmoidNorm = Loss(
        "sigmoid_norm", "length-normalised DPO", "−log σ(β [(P−R)_w/n_w − (P−R)_l/n_l])",
        source: "arXiv 2411.15124",
        constants: [.beta(5, because: "Tülu 3's; TRL's is 0.1, for sums"), .labelSmoothing], needsReference: true
    ) { pair, c in
        let lengths = (Double(pair.chosen.length), Double(pair.rejected.length))
        let difference = pair.chosen.logRatio / lengths.0 - pair.rejected.logRatio / lengths.1
        let (loss, slope) = negativeLogSigmoid(c.beta * difference, smoothing: c.labelSmoothing)
        return PairSlope(loss: loss, chosen: slope * c.beta / lengths.0, rejected: -slope * c.beta / lengths.1)
    }
}
