extension Loss {
    /// Odds ratio preference optimization: NLL(y_w) − λ log σ(LO), LO = logit ā_w − logit ā_l the difference of log odds of the
    /// mean token probabilities e^ā, arXiv 2403.07691 eq. 4, 6 and 7. β is λ, as in TRL. The likelihood is that of the response;
    /// TRL's has the prompt too.
    ///
    /// logit ā = ā − log(1 − e^ā) and ∂logit ā/∂ā = 1/(1 − e^ā), times 1/n; ∂ℓ/∂LO = −λ σ(−LO).
    package static let orpo = Loss(
        "orpo", "ORPO", "NLL(y_w) − λ log σ(logit ā_w − logit ā_l)", source: "arXiv 2403.07691 eq. 4, 6, 7",
        constants: [.beta(0.1, "λ, the weight of the odds ratio beside the likelihood"), .labelSmoothing],
        nll: NLLTerm(
            fixed: 1, standard: 0, reduction: .response,
            reason: "the loss has the likelihood with weight 1 already; this much is added"),
        reward: { Reward(measure: .meanLogps, scale: $0.beta) }
    ) { pair, c in
        let (chosen, rejected) = (logOdds(pair.chosen.meanLogps), logOdds(pair.rejected.meanLogps))
        let (loss, slope) = negativeLogSigmoid(chosen.value - rejected.value, smoothing: c.labelSmoothing)
        return PairSlope(
            loss: c.beta * loss, chosen: c.beta * slope * chosen.slope / Double(pair.chosen.length),
            rejected: -c.beta * slope * rejected.slope / Double(pair.rejected.length))
    }

    /// log(p / (1−p)) of p = e^ā and its derivative by ā. A response that is certain in float32 has finite odds all the same.
    private static func logOdds(_ meanLogps: Double) -> (value: Double, slope: Double) {
        let mean = min(meanLogps, -0x1p-40)
        return (mean - log1mexp(mean), 1 / oneMinusExp(mean))
    }
}
