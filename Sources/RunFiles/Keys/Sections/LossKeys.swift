import Objectives

/// Keys of the objective. The constants of the losses are keys too: `KeyTable` makes them of their declarations.
package struct LossKeys: KeySection {
    package static let title = "objective"

    package let types: Key<[String]> = Key(
        "loss_type", .lossTypes,
        "The loss, or a list of losses whose weighted sum is minimised.",
        default: .value(["sigmoid"], "DPO, as TRL"), identity: true,
        rule: Rule(with: "rewards") { run in
            guard run.losses.contains(where: { $0.judges == .prompts }), run.rewards.sources.isEmpty else { return nil }
            return .expected(
                "rewards beside it, for instance rewards: {kind: \"model:DIR\"}: loss_type ppo needs a reward at least")
        }, synonyms: Synonym.ofLossType)

    package let weights: Key<[Double]?> = Key(
        "loss_weights", .lossWeights, "Weights of a list of losses, in its order.",
        default: .none("each 1", "TRL's"), identity: true,
        rule: Rule(with: "loss_type") { run in
            guard let weights = run.loss.weights else { return nil }
            let count = run.loss.types.count
            if count == 1 { return .unused(because: "loss_type is a single loss") }
            return weights.count == count
                ? nil : .expected("a list of \(count) numbers, one for each loss of loss_type")
        })

    package let preferenceName: Key<String> = Key(
        "preference_name", .text,
        "Which of the weights is w₀, that of the objective whose preferences are trained.",
        default: .value("preference"), readBy: .losses { $0.needsMarginRewards }, identity: true)

    package let objectiveWeights: Key<ObjectiveWeights> = Key(
        "weights", .weightsOrSampling,
        "MODPO's weight for each objective by name; w₀ is above 0, since the loss divides by it. sampled: drawn for each pair and "
            + "epoch, uniformly on the simplex with a w₀ of 0.1 at least, for adapters with a part for each objective, of which "
            + "merge --weights makes plain ones (after arXiv 2402.02030).",
        default: .required(
            "loss_type modpo needs a weight for each objective, for instance weights: {preference: 0.5, brevity: 0.5}",
            placeholder: .fixed([])),
        readBy: .losses { $0.needsMarginRewards }, identity: true,
        rule: Rule(
            with: "loss_type", "preference_name", "margins", "train_file", "use_peft", "adapter_name_or_path", "use_dora",
            "sample_prompts", "rounds"
        ) { run in
            let faults = run.faultsOfWeights
            return faults.isEmpty ? nil : .within(faults)
        })

    package let margins: Key<[MarginEntry]> = Key(
        "margins", .margins,
        "Where each margin reward comes from: {column: NAME}, {model: DIR, beta: 0.1}, {reward: \"model:DIR\"} or {length: -1}.",
        default: .value([], "the column of the weight's own name"),
        readBy: .losses { $0.needsMarginRewards }, identity: true)
}
