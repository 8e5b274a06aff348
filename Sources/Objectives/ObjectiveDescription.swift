extension Objective: CustomStringConvertible {
    /// Every loss with its constants, what follows from them, and what its likelihood term is a mean over.
    package var description: String {
        let losses = terms.map { term in
            (terms.count > 1 ? "\(term.weight) × " : "") + term.loss.name
                + (term.loss.title == term.loss.name ? "" : " (\(term.loss.title))")
        }
        return ([losses.joined(separator: " + ")] + constantTexts + likelihoodTexts).joined(separator: ", ")
    }

    private var constantTexts: [String] {
        let likelihood: Set = ["nll_weight", "nll_reduction"]
        var texts = declared.filter { !likelihood.contains($0.name) }.compactMap { constant -> String? in
            guard let value = constants[constant.name] else { return nil }
            // What is off isn't worth a word.
            return constant.name == "label_smoothing" && value == 0 ? nil : "\(constant.name) \(value)"
        }
        texts += terms.flatMap { $0.loss.derived(constants).map { "\($0.name) \($0.value)" } }
        if needsMarginRewards {
            texts.append(
                drawsWeights ? "weights drawn for each pair" : "weight of the preference \(constants.preferenceWeight)")
        }
        return texts
    }

    private var likelihoodTexts: [String] {
        guard likelihoodWeight > 0, let reduction = constants.nllReduction else { return [] }
        let over =
            switch reduction {
            case .token: "over all scored tokens of the global batch"
            case .response: "over the responses' means"
            case .sum: "over the responses' sums"
            }
        return [
            "\(likelihoodWeight) × NLL of the chosen response, a mean \(over) (nll_reduction \(reduction.rawValue))"
        ]
    }
}
