extension Loss {
    /// Self-play preference optimization with certain judges: ((P−R)_w − 1/(2β))² + ((P−R)_l + 1/(2β))²,
    /// arXiv 2405.00675 eq. 4.7 with win probabilities 1 and 0, as TRL has it; the paper's η is 1/β.
    ///
    /// ∂ℓ/∂P = 2 ((P−R) ∓ 1/(2β)).
    package static let sppoHard = Loss(
        "sppo_hard", "SPPO", "((P−R)_w − 1/(2β))² + ((P−R)_l + 1/(2β))²", source: "arXiv 2405.00675 eq. 4.7",
        constants: [.beta(0.1)], needsReference: true
    ) { pair, c in
        let chosen = pair.chosen.logRatio - 0.5 / c.beta
        let rejected = pair.rejected.logRatio + 0.5 / c.beta
        return PairSlope(
            loss: chosen * chosen + rejected * rejected, chosen: 2 * chosen, rejected: 2 * rejected)
    }
}
