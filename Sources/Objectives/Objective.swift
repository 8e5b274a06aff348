/// What a step minimises: a pure function of one pair's logps, lengths and margin rewards, in double precision.
///
/// Notation, the same for every kind. P_w and P_l are the policy's logps of the chosen and the rejected response, R_w
/// and R_l the reference's (sums over the scored tokens, in nats); n_w and n_l are the numbers of scored tokens;
/// ā = P / n; Δ = (P_w − P_l) − (R_w − R_l); h = β (P − R); σ is the logistic function.
///
/// A batch's loss is the sum of its pairs' losses over the number of pairs of the **global** batch, so the caller
/// scales loss and gradients by 1/(global pairs).
///
/// To add an objective: a case here, its row in `needsReference` and its siblings, its two lines in `evaluate`.
package struct Objective: Sendable, Equatable {
    /// The objectives by their `loss_type`, each with the constants that its formula has and no others.
    package enum Kind: Sendable, Equatable {
        /// −ā_w: the mean negative logps of the chosen response, each pair weighing the same whatever its length.
        case sft

        /// −(1−ε) log σ(βΔ) − ε log σ(−βΔ). ε = 0 is DPO, arXiv 2305.18290 eq. 7; ε > 0 is cDPO, eq. 3 of Mitchell's
        /// note on noisy preferences.
        case sigmoid(beta: Double, labelSmoothing: Double)

        /// −log σ(β ā_w − β ā_l − γ): SimPO, arXiv 2405.14734 eq. 6. γ is the absolute margin, not its ratio to β.
        case simpo(beta: Double, gamma: Double)

        /// −log σ([βΔ − Σ_{k≥1} w_k (m_k(y_w) − m_k(y_l))] / w_0): MODPO, arXiv 2310.03708. w_0 weighs the objective
        /// whose preferences are trained; w_k and the margin rewards m_k arrive multiplied and summed with each pair.
        /// β is the β of the combined problem.
        case modpo(beta: Double, preferenceWeight: Double)
    }

    package let kind: Kind

    /// α ≥ 0: adds α · (−ā_w) to the loss of each pair (RPO, arXiv 2404.19733).
    package let nllWeight: Double

    /// Throws `ObjectiveError` when a constant is outside the range in which the formula means something.
    package init(_ kind: Kind, nllWeight: Double = 0) throws(ObjectiveError) {
        switch kind {
        case .sft:
            guard nllWeight == 0 else { throw .nllWeightOnSFT(nllWeight) }
        case .sigmoid(let beta, let labelSmoothing):
            try Self.requirePositive(beta, "beta")
            guard (0..<0.5).contains(labelSmoothing) else { throw .labelSmoothing(labelSmoothing) }
        case .simpo(let beta, let gamma):
            try Self.requirePositive(beta, "beta")
            guard gamma.isFinite, gamma >= 0 else { throw .negative(name: "gamma", found: gamma) }
        case .modpo(let beta, let preferenceWeight):
            try Self.requirePositive(beta, "beta")
            guard preferenceWeight.isFinite, preferenceWeight > 0 else { throw .preferenceWeight(preferenceWeight) }
        }
        guard nllWeight.isFinite, nllWeight >= 0 else { throw .negative(name: "nll_weight", found: nllWeight) }
        self.kind = kind
        self.nllWeight = nllWeight
    }

    /// The run file's word for the kind.
    package var lossType: String {
        switch kind {
        case .sft: "sft"
        case .sigmoid: "sigmoid"
        case .simpo: "simpo"
        case .modpo: "modpo"
        }
    }

    /// Whether `PairInput`'s reference logps are read.
    package var needsReference: Bool {
        switch kind {
        case .sigmoid, .modpo: true
        case .sft, .simpo: false
        }
    }

    /// Whether anything of the rejected response is read.
    package var needsRejected: Bool {
        switch kind {
        case .sigmoid, .simpo, .modpo: true
        case .sft: false
        }
    }

    /// Whether `PairInput`'s margin rewards are read.
    package var needsMarginRewards: Bool {
        switch kind {
        case .modpo: true
        case .sft, .sigmoid, .simpo: false
        }
    }

    private static func requirePositive(_ value: Double, _ name: String) throws(ObjectiveError) {
        guard value.isFinite, value > 0 else { throw .notPositive(name: name, found: value) }
    }
}

/// A constant outside the range in which its formula means something.
package enum ObjectiveError: Error, Sendable, Equatable, CustomStringConvertible {
    case notPositive(name: String, found: Double)
    case negative(name: String, found: Double)
    case labelSmoothing(Double)
    case preferenceWeight(Double)
    case nllWeightOnSFT(Double)

    package var description: String {
        switch self {
        case .notPositive(let name, let found):
            "\(name) is \(found); expected a number above 0"
        case .negative(let name, let found):
            "\(name) is \(found); expected 0 or a number above it"
        case .labelSmoothing(let found):
            "label_smoothing is \(found); expected 0 or more and less than 0.5, since at 0.5 a pair teaches no order"
        case .preferenceWeight(let found):
            "the weight of the trained preference is \(found); expected a number above 0, since the loss divides by "
                + "it: train another of the objectives by its preferences and give this one as a margin reward"
        case .nllWeightOnSFT(let found):
            "nll_weight is \(found); sft is that term already: leave it out"
        }
    }
}
