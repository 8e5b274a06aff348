extension Loss {
    /// Supervised fine-tuning: the negative log-likelihood of the response, for the model that preference training starts
    /// from; on pairs that of the chosen one (the DPO paper's Preferred-FT).
    package static let sft = Loss(
        "sft", "SFT", "NLL(y_w)", source: "", constants: [],
        nll: NLLTerm(fixed: 1, standard: nil, reduction: .token, reason: ""),
        reward: { _ in Reward(measure: .none, scale: 0) }, formula: .likelihood)
}
