import Storage

/// Keys that only `iterate` reads: rounds of generating, rewarding, pairing and training.
package struct RoundKeys: KeySection {
    package static let title = "rounds (iterate)"

    package let count: Key<Int?> = Key(
        "rounds", optional: .whole(from: 1, to: 10_000),
        "How often iterate generates, rewards, makes pairs and trains on them. For iterate alone.",
        default: .none("one training, by train"))

    package let promptsFile: Key<String?> = Key(
        "prompts_file", optional: .text, "Prompts that each round's responses are generated from.",
        default: .none("iterate needs it"), rule: roundsRule)

    package let samples: Key<Int> = Key(
        "samples", .whole(from: 2, to: 1024), "Responses to each of prompts_file in a round.",
        default: .value(5, "SimPO's"), rule: roundsRule)

    package let decidingReward: Key<String?> = Key(
        "pairs_by", optional: .text, "The one of rewards by which responses become pairs.",
        default: .none("the first of rewards"),
        rule: Rule(with: "rounds", "rewards") { run in
            if let objection = run.rounds.unusedWithoutRounds { return objection }
            let names = run.rewards.sources.map(\.name)
            guard let name = run.rounds.decidingReward, !names.isEmpty, !names.contains(name) else { return nil }
            return .expected("\(YAMLText.alternatives(names)), as in rewards")
        })

    package let choice: Key<PairChoice> = Key(
        "pairs_choose", .choice(),
        "Which of a prompt's responses become pairs: best-worst, the highest reward against the lowest; all; random, two of "
            + "them.", default: .value(.bestWorst, "SimPO's"), rule: roundsRule)

    package let leastGap: Key<Double> = Key(
        "pairs_min_gap", .number(.nonNegative), "Rewards nearer to each other than this make no pair.",
        default: .value(0), rule: roundsRule)

    package let reference: Key<RoundReference> = Key(
        "round_reference", .choice(),
        "The reference of a round: first, the model that the first round began with, or ref_model_name_or_path; last, the "
            + "model that the last round ended with, from which this one goes on.",
        default: .value(.last, "as iterative DPO is done"), readBy: .losses { $0.needsReference },
        rule: Rule(with: "rounds", "ref_model_name_or_path") { run in
            if let objection = run.rounds.unusedWithoutRounds { return objection }
            return run.rounds.reference == .last && run.model.referencePath != nil
                ? .expected("first, since ref_model_name_or_path names the reference of all rounds") : nil
        })

    package let topP: Key<Double> = Key(
        "top_p", .number(.positive, to: 1),
        "Only the most probable tokens that together reach this probability are drawn.", default: .value(1, "all"),
        rule: roundsRule)

    package let topK: Key<Int?> = Key(
        "top_k", optional: .whole(from: 1), "Only so many of the most probable tokens are drawn.",
        default: .none("all"), rule: roundsRule)

    private static let roundsRule = Rule(with: "rounds") { run in run.rounds.unusedWithoutRounds }
}

/// Which of a prompt's responses become pairs. (SimPO's data: `bestWorst`, arXiv 2405.14734 appendix.)
package enum PairChoice: String, Sendable, CaseIterable {
    /// The highest reward against the lowest, the first of equals.
    case bestWorst = "best-worst"
    /// Every response against every one with a lower reward.
    case all
    /// Two responses drawn by the seed and the row, the better one first.
    case random
}

/// Which model a round of `iterate` is compared with.
package enum RoundReference: String, Sendable, CaseIterable {
    case first, last
}

extension Settings where Section == RoundKeys {
    var unusedWithoutRounds: Rule.Objection? {
        self.count == nil ? .unused(because: "there are no rounds, which iterate makes") : nil
    }
}
