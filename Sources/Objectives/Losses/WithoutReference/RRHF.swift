extension Loss {
    /// Rank responses to align with human feedback: Σ max(0, ā_i − ā_j) over all i worse than j, + λ NLL of the best,
    /// arXiv 2304.05302 eq. 1 to 4. A pair is a list of two.
    ///
    /// ∂ℓ/∂P_i = 1/n_i and ∂ℓ/∂P_j = −1/n_j for each preference that the policy has wrong; at equality 0.
    package static let rrhf = Loss(
        "rrhf", "RRHF", "Σ max(0, ā_worse − ā_better) + λ NLL(best)", source: "arXiv 2304.05302 eq. 1–4",
        constants: [],
        nll: NLLTerm(fixed: 0, standard: 1, reduction: .sum, reason: "the paper's"),
        reward: { _ in Reward(measure: .meanLogps, scale: 1) },
        formula: .list { responses, preferences, _ in
            var slope = Slope(loss: 0, gradients: responses.map { _ in 0 })
            for pair in preferences {
                let excess = responses[pair.rejected].meanLogps - responses[pair.chosen].meanLogps
                slope.loss += max(excess, 0)
                guard excess > 0 else { continue }
                slope.gradients[pair.rejected] += 1 / Double(responses[pair.rejected].length)
                slope.gradients[pair.chosen] -= 1 / Double(responses[pair.chosen].length)
            }
            return slope
        })
}
