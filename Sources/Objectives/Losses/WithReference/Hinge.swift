extension Loss {
    /// The hinge loss on DPO's margin: max(0, 1 − βΔ), RSO's variant of SLiC, arXiv 2309.06657; TRL's name.
    ///
    /// ∂ℓ/∂(βΔ) = −1 below 1, otherwise 0; at the kink 0.
    package static let hinge = Loss(
        "hinge", "hinge", "max(0, 1 − βΔ)", source: "arXiv 2309.06657", constants: [.beta(0.1)], needsReference: true
    ) { pair, c in
        let short = 1 - c.beta * pair.logRatioDifference
        // `max(short, 0)`, not `max(0, short)`: a NaN must come out.
        return PairSlope((max(short, 0), short > 0 ? -1 : 0), scale: c.beta)
    }
}
