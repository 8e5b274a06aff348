/// The unit over which the negative log-likelihood of chosen responses is a mean.
package enum NLLReduction: String, Sendable, CaseIterable {
    /// Σ −P_w over the scored tokens of the global batch: long responses weigh more.
    case token
    /// The mean of the responses' means −ā_w: all weigh the same.
    case response
    /// The mean of the responses' sums −P_w.
    case sum

    /// The divisor of −P_w, so that the mean over the global batch's judgements is the reduction. For `token` it is the
    /// mean length of the batch's chosen responses, Σ n_w / judgements, known before any of them is computed.
    func divisor(length: Int, meanLength: Double) -> Double {
        switch self {
        case .token: meanLength
        case .response: Double(length)
        case .sum: 1
        }
    }

    /// Why it is the default of a loss.
    var reason: String {
        switch self {
        case .token: "TRL's: a mean over the tokens of the batch"
        case .response: "every response weighs the same, as every pair does"
        case .sum: "as the paper prints it"
        }
    }
}

/// A loss's term −log π(y_w | x) of the chosen response.
package struct NLLTerm: Sendable, Equatable {
    /// The weight that the formula gives it, whatever the run file says.
    let fixed: Double
    /// The default of `nll_weight`; nil: the loss has no such key.
    let standard: Double?
    /// The default of `nll_reduction`.
    let reduction: NLLReduction
    /// Why `standard`.
    let reason: String

    /// None unless `nll_weight` asks for it: RPO, arXiv 2404.19733.
    static let onRequest = NLLTerm(
        fixed: 0, standard: 0, reduction: .response, reason: "the loss without the likelihood term of RPO")
    /// A chosen response stands out from others; single labelled ones have none.
    static let none: NLLTerm? = nil
}
