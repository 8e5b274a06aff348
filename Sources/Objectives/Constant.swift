/// A constant of a loss's formula: a run file key of the same name.
///
/// A key may belong to several losses; each declares it with a default of its own.
package struct Constant: Sendable, Equatable {
    /// The values that a constant may have.
    package enum Domain: Sendable, Equatable {
        case number(NumberRange)
        case word([String])
    }

    /// The run file's key.
    package let name: String
    /// One plain sentence, with the formula's letter.
    package let meaning: String
    package let domain: Domain
    /// The default; nil: as `reason` says.
    package let standard: ConstantValue?
    /// Why this default.
    package let reason: String
    /// Keys that say the same thing otherwise: one of them may be given.
    package let rivals: [String]

    /// A number.
    package init(
        _ name: String, _ meaning: String, in range: NumberRange, standard: Double?, because reason: String,
        rivals: [String] = []
    ) {
        self.name = name
        self.meaning = meaning
        domain = .number(range)
        self.standard = standard.map { .number($0) }
        self.reason = reason
        self.rivals = rivals
    }

    /// A choice between words.
    package init(
        _ name: String, _ meaning: String, oneOf words: [String], standard: String, because reason: String
    ) {
        self.name = name
        self.meaning = meaning
        domain = .word(words)
        self.standard = .word(standard)
        self.reason = reason
        rivals = []
    }

    /// The words for the values expected in place of one that the domain hasn't; nil for one that it has.
    func objection(to value: ConstantValue) -> String? {
        switch (domain, value) {
        case (.number(let range), .number(let number)): range.contains(number) ? nil : range.words
        case (.word(let words), .word(let word)): words.contains(word) ? nil : words.joined(separator: " or ")
        case (.number(let range), .word): range.words
        case (.word(let words), .number): words.joined(separator: " or ")
        }
    }
}

/// The value of a constant: a number or a word.
package enum ConstantValue: Sendable, Equatable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral, CustomStringConvertible
{
    case number(Double)
    case word(String)

    package init(floatLiteral value: Double) { self = .number(value) }
    package init(integerLiteral value: Int) { self = .number(Double(value)) }
    package init(stringLiteral value: String) { self = .word(value) }

    package var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .word(let word): word
        }
    }
}

// MARK: - Constants of many losses

extension Constant {
    /// β: how dear it is to leave the reference, or the scale of the reward.
    static func beta(
        _ standard: Double, _ meaning: String = "β, how strongly the policy is held to the reference",
        because reason: String = "TRL's"
    ) -> Constant {
        Constant("beta", meaning, in: .positive, standard: standard, because: reason)
    }

    /// ε: the share of pairs whose order is taken to be the other way round.
    static let labelSmoothing = Constant(
        "label_smoothing", "ε, the share of pairs whose order is taken to be wrong", in: .below(0.5), standard: 0,
        because: "the paper's loss; at 0.5 a pair would teach no order")

    /// Whether a response counts by its logps' mean or by their sum.
    static func normalise(_ standard: Normalisation, because reason: String) -> Constant {
        Constant(
            "normalise", "what of a response's token logps is compared: their mean or their sum",
            oneOf: Normalisation.allCases.map(\.rawValue), standard: standard.rawValue, because: reason)
    }

    static func nllWeight(_ standard: Double, because reason: String) -> Constant {
        Constant(
            "nll_weight", "α, the weight of the chosen response's negative log-likelihood, added to the loss",
            in: .nonNegative, standard: standard, because: reason)
    }

    static func nllReduction(_ standard: NLLReduction) -> Constant {
        Constant(
            "nll_reduction",
            "what the negative log-likelihood is a mean over: all scored tokens of the global batch (token), each "
                + "response's tokens and then the responses (response), or the responses alone (sum)",
            oneOf: NLLReduction.allCases.map(\.rawValue), standard: standard.rawValue, because: standard.reason)
    }
}

/// The sums or means of token logps that a loss compares.
package enum Normalisation: String, Sendable, CaseIterable {
    case mean, sum
}
