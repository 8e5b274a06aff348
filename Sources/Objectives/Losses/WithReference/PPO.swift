extension Loss {
    private static let trl = "TRL's"

    /// Proximal policy optimization on responses that the policy draws itself (arXiv 1707.06347). The rewards are those of
    /// arXiv 1909.08593: at each token −b (log π − log π_ref), and at the last one the response's own. It has no formula of
    /// one judgement: see `ClippedObjective` and `GeneralizedAdvantage`.
    package static let ppo = Loss(
        "ppo", "PPO", "max(−A ρ, −A clip(ρ, 1 ± ε)) + c ½ (v − G)² of sampled tokens",
        source: "arXiv 1707.06347 eq. 7, arXiv 1909.08593",
        constants: [
            Constant(
                "kl_coef", "b, the price of leaving the reference in reward per nat; the first one where kl_target leads it",
                in: .nonNegative, standard: 0.05, because: trl),
            Constant("cliprange", "ε, how far a token's probability ratio counts", in: .positive, standard: 0.2, because: trl),
            Constant(
                "cliprange_value", "how far from its old value a token's value counts", in: .positive, standard: 0.2,
                because: trl),
            Constant("vf_coef", "c, the weight of the values' error", in: .nonNegative, standard: 0.1, because: trl),
            Constant(
                "gamma", "the discount of rewards to come, another thing under SimPO's name, as TRL has it", in: .share,
                standard: 1, because: "TRL's: a response's reward counts alike for all its tokens"),
            Constant("lam", "λ of the generalized advantages", in: .share, standard: 0.95, because: trl),
        ],
        needsReference: true, nll: .none, reward: { _ in Reward(measure: .none, scale: 0) }, formula: .rollouts)

    /// PPO's loss of a token with an objective's constants.
    package static func clipped(_ constants: Constants) -> ClippedObjective {
        ClippedObjective(
            cliprange: constants.number("cliprange"), cliprangeValue: constants.number("cliprange_value"),
            valueWeight: constants.number("vf_coef"))
    }
}
