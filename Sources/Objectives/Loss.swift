/// One loss of the table: its name, its constants, what it reads, its formula with the derivative. A `loss_type` of the
/// run file names one of them or several.
///
/// Notation, the same in every file of `Losses`. P_w and P_l are the policy's logps of the chosen and the rejected
/// response, R_w and R_l the reference's (sums over the scored tokens, in nats); n_w and n_l are the numbers of scored
/// tokens; ā = P / n; Δ = (P_w − P_l) − (R_w − R_l); h = β (P − R); σ is the logistic function; ε is `label_smoothing`.
///
/// A loss is a pure function of one judgement in double precision. It returns its value and its derivative by each
/// policy logps, which is all that the model's backward pass needs to know of it.
package struct Loss: Sendable {
    /// The run file's word.
    package let name: String
    /// The name that people call it by.
    package let title: String
    /// The formula of one judgement, for people.
    package let summary: String
    /// Where the formula is from.
    package let source: String
    /// Every run file key that it reads, with the key's default here.
    package let constants: [Constant]
    /// Whether it reads the reference's logps.
    package let needsReference: Bool
    /// Whether it reads margin rewards and the weight of the trained preference.
    package let needsMarginRewards: Bool
    /// Whether the policy is a reward model: its number for a response takes the place of the response's logps.
    package private(set) var readsRewards = false
    /// The statistic of the batch that it compares rewards with.
    package let statistic: BatchStatistic?
    /// Its likelihood term; nil: it can't have one.
    let nll: NLLTerm?
    let reward: @Sendable (Constants) -> Reward
    /// Numbers that follow from the constants and are printed beside them.
    let derived: @Sendable (Constants) -> [(name: String, value: Double)]
    let formula: Formula

    /// The function of a judgement that is its loss, without the likelihood term.
    enum Formula: Sendable {
        case pair(@Sendable (PairInput, Constants) -> PairSlope)
        case list(@Sendable (_ responses: [ResponseInput], _ preferences: [Preference], Constants) -> Slope)
        case labelled(@Sendable (ResponseInput, _ isDesirable: Bool, Constants) -> Slope)
        /// Nothing: it is of the tokens of responses that the policy draws (see `ClippedObjective`).
        case rollouts
        /// Nothing: the likelihood term is all.
        case likelihood
    }

    /// A loss of pairs.
    init(
        _ name: String, _ title: String, _ summary: String, source: String, constants: [Constant],
        needsReference: Bool = false, needsMarginRewards: Bool = false, statistic: BatchStatistic? = nil,
        nll: NLLTerm = .onRequest, reward: @escaping @Sendable (Constants) -> Reward = { .implicit($0.beta) },
        derived: @escaping @Sendable (Constants) -> [(name: String, value: Double)] = { _ in [] },
        pair: @escaping @Sendable (PairInput, Constants) -> PairSlope
    ) {
        self.init(
            name, title, summary, source: source, constants: constants, needsReference: needsReference,
            needsMarginRewards: needsMarginRewards, statistic: statistic, nll: nll, reward: reward,
            derived: derived, formula: .pair(pair))
    }

    /// A loss of the rewards that a reward model gives pairs.
    init(
        _ name: String, _ title: String, _ summary: String, source: String, constants: [Constant], readsRewards: Bool,
        reward: @escaping @Sendable (Constants) -> Reward,
        pair: @escaping @Sendable (PairInput, Constants) -> PairSlope
    ) {
        self.init(
            name, title, summary, source: source, constants: constants, nll: nil, reward: reward, formula: .pair(pair))
        self.readsRewards = readsRewards
    }

    init(
        _ name: String, _ title: String, _ summary: String, source: String, constants: [Constant],
        needsReference: Bool = false, needsMarginRewards: Bool = false, statistic: BatchStatistic? = nil,
        nll: NLLTerm?, reward: @escaping @Sendable (Constants) -> Reward,
        derived: @escaping @Sendable (Constants) -> [(name: String, value: Double)] = { _ in [] }, formula: Formula
    ) {
        self.name = name
        self.title = title
        self.summary = summary
        self.source = source
        var constants = constants
        if let nll {
            if let standard = nll.standard { constants.append(.nllWeight(standard, because: nll.reason)) }
            constants.append(.nllReduction(nll.reduction))
        }
        self.constants = constants
        self.needsReference = needsReference
        self.needsMarginRewards = needsMarginRewards
        self.statistic = statistic
        self.nll = nll
        self.reward = reward
        self.derived = derived
        self.formula = formula
    }

    package var judges: Judged {
        switch formula {
        case .pair: .pairs
        case .list: .lists
        case .labelled: .labelled
        case .likelihood: .demonstrations
        case .rollouts: .prompts
        }
    }
}

/// The two responses of a pair.
struct PairInput {
    let chosen: ResponseInput
    let rejected: ResponseInput

    /// Δ = (P_w − P_l) − (R_w − R_l).
    var logRatioDifference: Double {
        (chosen.logps - rejected.logps) - (chosen.referenceLogps - rejected.referenceLogps)
    }
}

/// ℓ with ∂ℓ/∂P_w and ∂ℓ/∂P_l.
struct PairSlope {
    let loss: Double
    let chosen: Double
    let rejected: Double

    init(loss: Double, chosen: Double, rejected: Double) {
        self.loss = loss
        self.chosen = chosen
        self.rejected = rejected
    }

    /// Of a function of one margin whose derivative by P_w is `scale`, by P_l −`scale`.
    init(_ ofMargin: (loss: Double, slope: Double), scale: Double) {
        self.init(loss: ofMargin.loss, chosen: ofMargin.slope * scale, rejected: -ofMargin.slope * scale)
    }
}

/// ℓ with ∂ℓ/∂P of each response.
struct Slope {
    var loss: Double
    var gradients: [Double]
}
