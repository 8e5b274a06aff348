/// Keys of the update rule.
package struct OptimizerKeys: KeySection {
    package static let title = "optimizer"

    package let kind: Key<OptimizerKind> = Key(
        "optim", .choice(synonyms: OptimizerKind.synonyms),
        "Update rule: adamw; adamw_8bit, both moments in eight bits; rmsprop, the DPO paper's; sgd.",
        default: .value(.adamw, "TRL's"), identity: true,
        synonyms: [.renamed("optimizer", .axolotl)])

    package let learningRate: Key<Double> = Key(
        "learning_rate", .number(.nonNegative), "Peak of the learning rate.",
        default: .derived("1e-6; 2e-5 for sft alone", "TRL's for DPO and SFT") { run in
            run.losses.allSatisfy { $0.judges == .demonstrations } ? 2e-5 : 1e-6
        }, synonyms: [.renamed("lr", nil), .renamed("actor_learning_rate", .openRLHF)])

    package let schedule: Key<Schedule.Kind> = Key(
        "lr_scheduler_type", .choice(), "How the learning rate changes after the warm-up.",
        default: .value(.linear, "TRL's"), synonyms: [.renamed("lr_scheduler", .axolotl)])

    package let warmupSteps: Key<Schedule.Warmup> = Key(
        "warmup_steps", .warmup, "Steps over which the learning rate rises from 0; below 1, a share of all steps.",
        default: .value(.none, "TRL's"), rivals: ["warmup_ratio"],
        rule: Rule(with: "lr_scheduler_type") { run in
            run.optimizer.schedule == .constant && run.optimizer.warmupSteps != .none ? noWarmup : nil
        })

    package let warmupRatio: Key<Double?> = Key(
        "warmup_ratio", optional: .number(.share), "The same as a share of all steps.",
        default: .none("warmup_steps holds"),
        rule: Rule(with: "lr_scheduler_type") { run in
            run.optimizer.schedule == .constant && run.optimizer.warmupRatio ?? 0 != 0 ? noWarmup : nil
        },
        synonyms: [.renamed("lr_warmup_ratio", .openRLHF)])

    package let weightDecay: Key<Double> = Key(
        "weight_decay", .number(.nonNegative), "Decoupled weight decay, of matrices only.",
        default: .value(0, "TRL's"), synonyms: [.renamed("l2", .openRLHF)])

    package let adamBeta1: Key<Double> = Key(
        "adam_beta1", .number(.below(1)), "Decay of the first moment.", default: .value(0.9, "TRL's"), rule: adamOnly)

    package let adamBeta2: Key<Double> = Key(
        "adam_beta2", .number(.below(1)), "Decay of the second moment.", default: .value(0.999, "TRL's"), rule: adamOnly
    )

    package let adamEpsilon: Key<Double> = Key(
        "adam_epsilon", .number(.positive), "Added to the root of the second moment.", default: .value(1e-8, "TRL's"),
        rule: adamOnly)

    package let maxGradNorm: Key<Double?> = Key(
        "max_grad_norm", .gradientLimit, "Norm that the gradient is scaled down to; 0 or null: no limit.",
        default: .value(1, "TRL's"), null: .value(nil),
        synonyms: [.renamed("max_norm", .openRLHF), .renamed("clip_grad", nil), .renamed("gradient_clipping", nil)])
}

private let noWarmup = Rule.Objection.unused(
    because: "lr_scheduler_type constant has no warm-up; choose constant_with_warmup")

private let adamOnly = Rule(with: "optim") { run in
    run.optimizer.kind.isAdam ? nil : .unused(because: "optim \(run.optimizer.kind.rawValue) doesn't read it")
}

/// The update rules, by the run file's words.
package enum OptimizerKind: String, Sendable, CaseIterable {
    case adamw, rmsprop, sgd
    /// AdamW with both moments in eight bits.
    case adamw8Bit = "adamw_8bit"

    package var isAdam: Bool { self == .adamw || self == .adamw8Bit }

    /// transformers' names for the same arithmetic. There is no GPU to page from, and all moments but the 8-bit ones are float32.
    static let synonyms: [String: OptimizerKind] = [
        "adamw_torch": .adamw, "adamw_torch_fused": .adamw, "adamw_hf": .adamw, "paged_adamw_32bit": .adamw,
        "paged_adamw": .adamw, "adamw_bnb_8bit": .adamw8Bit, "paged_adamw_8bit": .adamw8Bit,
        "adamw_torch_8bit": .adamw8Bit,
    ]
}

extension ValueKind where Value == Schedule.Warmup {
    fileprivate static let warmup = ValueKind(
        words: "a whole number of steps, 0 or more, or a share of them below 1",
        schema: ["type": "number", "minimum": 0]
    ) { entry throws(RunFileError) in
        if let steps = entry.value.integer, steps >= 0 { return .steps(steps) }
        guard let share = entry.value.number, share > 0, share < 1 else {
            throw entry.wrong("a whole number of steps, 0 or more, or a share of them below 1")
        }
        return .ratio(share)
    } write: { warmup in
        switch warmup {
        case .steps(let steps): .plain("\(steps)")
        case .ratio(let ratio): .number(ratio)
        }
    }
}

extension ValueKind where Value == Double? {
    fileprivate static let gradientLimit = {
        let number = ValueKind<Double>.number(.nonNegative)
        return ValueKind(words: number.words + ", or null", schema: ["type": ["number", "null"], "minimum": 0]) {
            entry throws(RunFileError) in
            let limit = try number.read(entry)
            return limit == 0 ? nil : limit
        } write: {
            .number($0 ?? 0)
        }
    }()
}

extension Settings where Section == OptimizerKeys {
    /// `warmup_ratio` if given, else `warmup_steps`.
    package var warmup: Schedule.Warmup {
        guard let ratio = self.warmupRatio else { return self.warmupSteps }
        return ratio == 0 ? .none : .ratio(ratio)
    }
}
