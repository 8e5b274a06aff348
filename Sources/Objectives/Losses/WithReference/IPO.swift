extension Loss {
    /// Identity preference optimization: (Δ′ − 1/(2β))², arXiv 2310.12036 eq. 17, whose τ is our β. Δ′ is Δ of mean logps,
    /// as the authors confirmed to TRL; of sums with `normalise: sum`, as the paper and SimPO's table 3 print it.
    ///
    /// ∂ℓ/∂Δ′ = 2 (Δ′ − 1/(2β)), times ±1/n or ±1.
    package static let ipo = Loss(
        "ipo", "IPO", "(Δ′ − 1/(2β))², Δ′ of mean logps", source: "arXiv 2310.12036 eq. 17",
        constants: [
            .beta(0.1, "β, the paper's τ: the margin aimed at is 1/(2β)"),
            .normalise(.mean, because: "TRL's, confirmed by the authors; the paper prints sums"),
        ], needsReference: true
    ) { pair, c in
        let lengths = c.normalise == .sum ? (1, 1) : (Double(pair.chosen.length), Double(pair.rejected.length))
        let difference = pair.chosen.logRatio / lengths.0 - pair.rejected.logRatio / lengths.1
        let distance = difference - 1 / (2 * c.beta)
        return PairSlope(
            loss: distance * distance, chosen: 2 * distance / lengths.0, rejected: -2 * distance / lengths.1)
    }
}
