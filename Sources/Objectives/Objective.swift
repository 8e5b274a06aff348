/// The function that a step minimises: one or several losses with their constants.
///
/// A batch's loss is the sum of its judgements' losses over the number of judgements of the **global** batch, so the
/// caller scales loss and gradients by 1/(global judgements).
package struct Objective: Sendable, Equatable {
    /// One loss of a weighted sum.
    package struct Term: Sendable, Equatable {
        package let loss: Loss
        package let weight: Double

        package static func == (a: Term, b: Term) -> Bool { a.loss.name == b.loss.name && a.weight == b.weight }
    }

    /// In the order of the run file: one loss of weight 1, or TRL's list of `loss_type` with its `loss_weights`.
    package let terms: [Term]
    /// The constants of all losses, each once, with the default that holds here.
    package let declared: [Constant]
    /// Their values.
    package let constants: Constants
    /// Whether weights are drawn for each judgement.
    package let drawsWeights: Bool

    /// - Parameters:
    ///   - losses: at least one.
    ///   - given: constants by name; the others have their default, that of the first loss that declares one.
    ///   - preferenceWeight: w_0 of a loss with margin rewards; nil: every judgement has one of its own.
    /// - Throws: `ObjectiveError` when a constant is outside the range in which a formula means something, or when losses
    ///   don't go together.
    package init(
        _ losses: [(loss: Loss, weight: Double)], _ given: [String: ConstantValue] = [:], preferenceWeight: Double? = 1
    ) throws(ObjectiveError) {
        terms = losses.map { Term(loss: $0.loss, weight: $0.weight) }
        try Self.requireCompatible(terms)
        declared = Self.declared(by: losses.map(\.loss))
        var constants = Constants()
        for constant in declared {
            constants[constant.name] = constant.rivals.contains { given[$0] != nil } ? nil : constant.standard
        }
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            let readers = losses.flatMap(\.loss.constants).filter { $0.name == name }
            guard declared.contains(where: { $0.name == name }) else {
                throw .notRead(name, by: terms.map(\.loss.name))
            }
            if let expected = readers.lazy.compactMap({ $0.objection(to: value) }).first {
                throw .constant(name, found: value, expected: expected)
            }
            constants[name] = value
        }
        let weight = preferenceWeight ?? 1
        guard weight.isFinite, weight > 0 else { throw .preferenceWeight(weight) }
        constants.preferenceWeight = weight
        self.constants = constants
        drawsWeights = preferenceWeight == nil
    }

    /// A single loss.
    package init(
        _ loss: Loss, _ given: [String: ConstantValue] = [:], preferenceWeight: Double? = 1
    ) throws(ObjectiveError) {
        try self.init([(loss, 1)], given, preferenceWeight: preferenceWeight)
    }

    private static func requireCompatible(_ terms: [Term]) throws(ObjectiveError) {
        for term in terms where !(term.weight.isFinite && term.weight > 0) {
            throw .lossWeight(term.loss.name, found: term.weight)
        }
        guard terms.count > 1 else { return }
        if let other = terms.first(where: {
            ![.pairs, .demonstrations].contains($0.loss.judges) || $0.loss.readsRewards
        }) {
            throw .onlyAlone(other.loss.name)
        }
    }

    /// The run file keys that some losses read together. Where two of them have different defaults the first one's holds; but
    /// `nll_reduction` follows the first that has a likelihood term, and `nll_weight` isn't there: in a list of losses `sft` has
    /// a weight of its own.
    package static func declared(by losses: [Loss]) -> [Constant] {
        var declared: [Constant] = []
        for constant in losses.flatMap(\.constants) where !declared.contains(where: { $0.name == constant.name }) {
            declared.append(constant)
        }
        guard losses.count > 1 else { return declared }
        declared.removeAll { $0.name == "nll_weight" }
        let likely = losses.compactMap(\.nll).first { $0.fixed + ($0.standard ?? 0) > 0 }
        guard let likely, let place = declared.firstIndex(where: { $0.name == "nll_reduction" }) else {
            return declared
        }
        declared[place] = .nllReduction(likely.reduction)
        return declared
    }

    // MARK: - What it is called

    /// The run file's words, in its order.
    package var lossTypes: [String] { terms.map(\.loss.name) }

    // MARK: - What it reads

    /// The kind of judgement that the data's rows are read as.
    package var judges: Judged {
        terms.contains { $0.loss.judges == .pairs } ? .pairs : terms.first?.loss.judges ?? .pairs
    }

    /// Whether `ResponseInput.referenceLogps` is read.
    package var needsReference: Bool { terms.contains { $0.loss.needsReference } }

    /// Whether the policy is a reward model, whose numbers take the place of `ResponseInput.logps`.
    package var readsRewards: Bool { terms.contains { $0.loss.readsRewards } }

    /// Whether anything of another response than the best is read.
    package var needsRejected: Bool { judges == .pairs || judges == .lists }

    /// Whether `ResponseInput.marginReward` is read.
    package var needsMarginRewards: Bool { terms.contains { $0.loss.needsMarginRewards } }

    /// Whether one of its losses compares rewards with a statistic of the batch.
    package func needs(_ statistic: BatchStatistic) -> Bool { terms.contains { $0.loss.statistic == statistic } }

    /// The factor of the chosen response's negative log-likelihood: the sum over the losses that have such a term.
    package var likelihoodWeight: Double {
        terms.reduce(0) { sum, term in
            guard let nll = term.loss.nll else { return sum }
            // In a list of losses each keeps the default of its own.
            let asked = terms.count > 1 ? nll.standard ?? 0 : nll.standard == nil ? 0 : constants.number("nll_weight")
            return sum + term.weight * (nll.fixed + asked)
        }
    }
}

/// A fault of an objective.
package enum ObjectiveError: Error, Sendable, Equatable, CustomStringConvertible {
    case constant(String, found: ConstantValue, expected: String)
    case notRead(String, by: [String])
    case preferenceWeight(Double)
    case lossWeight(String, found: Double)
    case onlyAlone(String)

    package var description: String {
        switch self {
        case .constant(let name, let found, let expected):
            "\(name) is \(found); expected \(expected)"
        case .notRead(let name, let losses) where losses.count > 1 && name == "nll_weight":
            "nll_weight isn't read with a list of losses; add sft to the list, with its weight in loss_weights"
        case .notRead(let name, let losses):
            "\(name) isn't read by \(losses.joined(separator: ", ")); leave it out"
        case .preferenceWeight(let found):
            "the weight of the trained preference is \(found); expected a number above 0, since the loss divides by "
                + "it: train another of the objectives by its preferences and give this one as a margin reward"
        case .lossWeight(let name, let found):
            "the weight of \(name) is \(found); expected a number above 0"
        case .onlyAlone(let name):
            "\(name) can't be one of several losses: it doesn't judge pairs by logps; train it alone"
        }
    }
}
