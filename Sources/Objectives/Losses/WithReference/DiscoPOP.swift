import Glibc

extension Loss {
    private static let tau = Constant(
        "discopop_tau", "τ, how sharply the loss changes from its logistic to its exponential part",
        in: .positiveBelow(1), standard: 0.05, because: "the paper's; at 1 the loss of a lost pair would be bounded")

    /// Discovered preference optimization, log-ratio modulated: (1−m) · −log σ(x) + m e^{−x} with x = βΔ and m = σ(x/τ),
    /// arXiv 2406.08414 eq. 5.
    ///
    /// ∂ℓ/∂x = −(1−m) σ(−x) − m e^{−x} + m(1−m)/τ (e^{−x} + log σ(x)), times ±β.
    package static let discopop = Loss(
        "discopop", "DiscoPOP", "(1−m) · −log σ(x) + m e^{−x}, x = βΔ, m = σ(x/τ)", source: "arXiv 2406.08414 eq. 5",
        constants: [.beta(0.1), tau], needsReference: true
    ) { pair, c in
        let x = c.beta * pair.logRatioDifference
        let (share, other) = (logistic(x / c[tau]), logistic(-x / c[tau]))
        // In the exponent: for a lost pair e^{−x} overflows long after m is 0.
        let exponential = exp(logSigmoid(x / c[tau]) - x)
        let loss = other * -logSigmoid(x) + exponential
        let modulation = (other * exponential + share * other * logSigmoid(x)) / c[tau]
        return PairSlope((loss, -other * logistic(-x) - exponential + modulation), scale: c.beta)
    }
}
