/// Keys that say how the machine is used. None of them changes what is computed, but for bf16, save_dtype
/// and gradient_dtype.
package struct MachineKeys: KeySection {
    package static let title = "machine"

    package let threadsPerRank: Key<Int?> = Key(
        "threads_per_rank", optional: .whole(from: 1), "Threads of each rank.",
        default: .none("by the cores that the rank may use"))

    package let gradientCheckpointing: Key<Bool> = Key(
        "gradient_checkpointing", .flag, "Whether activations are computed again in the backward pass to save memory.",
        default: .value(false, "TRL has true; nodes have more memory than time"))

    package let reproducible: Key<Bool> = Key(
        "reproducible", .flag,
        "Whether the weights have the same bits on any number of ranks. Costs 8 bytes a parameter.",
        default: .derived("true with rounds, else false", "sums of float32 are faster") { run in
            run.rounds.count != nil
        })

    package let roundsProducts: Key<Bool> = Key(
        "bf16", .flag,
        "Whether the operands of linear maps are rounded to bfloat16; sums, weights, gradients and moments are float32.",
        default: .value(false, "TRL has true; float32 is exact, and without bfloat16 units as fast"), identity: true,
        synonyms: [.words("param_dtype", .openRLHF, as: ["bf16": "true", "fp32": "false"])])

    package let zeroStage: Key<Int> = Key(
        "zero_stage", .whole(from: 0, to: 1),
        "0: each rank keeps the optimizer's whole state; 1: its share, as DeepSpeed's ZeRO.",
        default: .value(0, "faster where memory suffices"))

    package let gradientFormat: Key<GradientFormat> = Key(
        "gradient_dtype", .choice(),
        "How gradients travel between nodes; where they are added up they are float32. bfloat16 halves the bytes.",
        default: .value(.float32, "exact"),
        rule: Rule(with: "reproducible") { run in
            run.machine.reproducible && run.machine.gradientFormat != .float32
                ? .expected("float32 with reproducible: true, whose sums are exact: rounded ones depend on the nodes")
                : nil
        })

    package let overlapsReduction: Key<Bool?> = Key(
        "overlap_comm", optional: .flag,
        "Whether gradients are summed over ranks while the last backward pass still goes on.",
        default: .none("true on several nodes with zero_stage 0"),
        rule: Rule(with: "zero_stage") { run in
            run.machine.overlapsReduction == true && run.machine.zeroStage > 0
                ? .expected(
                    "false, or zero_stage: 0: the ranks' shares lie one after the other, and to send one at a time would leave "
                        + "most links idle") : nil
        })

    package let saveFormat: Key<SaveFormat> = Key(
        "save_dtype", .choice(), "Format of saved weights.", default: .value(.float32, "what is trained in"))

    package let hangTimeout: Key<Double?> = Key(
        "hang_timeout", optional: .number(.positive), "Seconds after which a rank that stands still ends the run.",
        default: .none("60, or 20 usual steps"))

    package let referenceCache: Key<String?> = Key(
        "reference_cache", optional: .text, "Folder of cached reference logps and margin rewards.",
        default: .none("one for all of the user's runs, ~/.cache/swift-prefopt", "entries are kept by content"))

    package let debugDump: Key<String?> = Key(
        "debug_dump", optional: .text, "Folder for each step's gradients and pairs.", default: .none("no dump"),
        readBy: .losses { $0.judges != .prompts })
}

/// The formats in which gradients travel between nodes.
package enum GradientFormat: String, Sendable, CaseIterable {
    case float32, bfloat16
}

/// The formats of saved weights.
package enum SaveFormat: String, Sendable, CaseIterable {
    case float32, bfloat16, float16
}
