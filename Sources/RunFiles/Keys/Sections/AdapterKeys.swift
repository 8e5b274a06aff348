import Checkpoints
import Objectives

/// Keys that say which weights are trained: all, or adapters on frozen ones.
package struct AdapterKeys: KeySection {
    package static let title = "adapters"

    package let areUsed: Key<Bool?> = Key(
        "use_peft", optional: .flag, "Whether adapters are trained on frozen weights, and not all weights.",
        default: .none(
            "false, but true if the model named is an adapter or adapter_name_or_path names one", "TRL's false"),
        synonyms: [
            .words("finetuning_type", .llamaFactory, as: ["lora": "true", "full": "false"]),
            .words("adapter", .axolotl, as: ["lora": "true", "qlora": "true"]), .renamed("peft", nil),
            .renamed("use_lora", nil),
        ])

    package let path: Key<String?> = Key(
        "adapter_name_or_path", optional: .text,
        "Folder of an adapter that training goes on from; its config says what the keys below would.",
        default: .none("a new adapter"),
        rule: Rule(with: "use_peft") { run in
            run.adapters.areUsed == false ? .unused(because: "use_peft is false") : nil
        },
        synonyms: [.renamed("lora_model_dir", .axolotl)])

    package let rank: Key<Int> = Key(
        "lora_r", .whole(from: 1, to: 1 << 16), "Rank r of the low-rank matrices.", default: .value(16, "TRL's"),
        identity: true, rule: freshOnly,
        synonyms: [.renamed("lora_rank", .llamaFactory, .openRLHF), .renamed("r", nil)])

    package let alpha: Key<Double> = Key(
        "lora_alpha", .number(.positive), "Scale α: the low-rank product weighs α / r.", default: .value(32, "TRL's"),
        identity: true, rule: freshOnly)

    package let dropout: Key<Double> = Key(
        "lora_dropout", .number(.below(1)),
        "Dropout of the low-rank matrices' inputs; it acts while training, if disable_dropout is false.",
        default: .value(0.05, "TRL's"), identity: true, rule: freshOnly)

    package let disablesDropout: Key<Bool> = Key(
        "disable_dropout", .flag,
        "Whether the adapters' dropout is off while training: a policy that drops isn't the reference that it begins as. A "
            + "model's own dropout is always off.",
        default: .derived("true; false for sft", "TRL's, whose SFT alone drops") { run in
            !run.losses.allSatisfy { $0.judges == .demonstrations }
        },
        identity: true,
        rule: Rule(with: "loss_type", "use_peft", "adapter_name_or_path") { run in
            guard !run.adapters.disablesDropout else { return nil }
            if run.losses.contains(where: { $0.judges == .prompts }) {
                return .expected("true: the policy is compared with its own draws, which drop nothing")
            }
            return run.adapters.areUsed == false
                ? .unused(because: "use_peft is false, and a model's own dropout is always off") : nil
        })

    package let targets: Key<AdapterTargets.Modules?> = Key(
        "lora_target_modules", .targets, "Modules to adapt: names, or all-linear.",
        default: .none("what PEFT has for the family"), identity: true, rule: freshOnly,
        synonyms: [
            .converted("lora_target", .llamaFactory) { value in
                guard let text = value.text else { return value }
                if text == "all" { return .string(AdapterTargets.allLinearName) }
                return .list(text.split(separator: ",").map { .string($0.filter { $0 != " " }) })
            },
            .converted("lora_target_linear", .axolotl) { value in
                value.bool == true ? .string(AdapterTargets.allLinearName) : nil
            },
            .renamed("target_modules", .openRLHF),
        ])

    package let savedModules: Key<[String]> = Key(
        "modules_to_save", .names, "Modules to be trained as a whole beside the adapters.",
        default: .value([]), identity: true, rule: freshOnly,
        synonyms: [
            .renamed("lora_modules_to_save", .trl, .axolotl), .renamed("additional_target", .llamaFactory),
        ])

    package let usesRSLoRA: Key<Bool> = Key(
        "use_rslora", .flag, "Rank-stabilized: the product weighs α / √r.", default: .value(false, "TRL's"),
        identity: true, rule: freshOnly, synonyms: [.renamed("peft_use_rslora", .axolotl)])

    package let usesDoRA: Key<Bool> = Key(
        "use_dora", .flag, "DoRA: columns' magnitudes are trained apart from their directions.",
        default: .value(false, "TRL's"), identity: true, rule: freshOnly,
        synonyms: [.renamed("peft_use_dora", .axolotl)])

    package let initialization: Key<AdapterConfig.Initialization> = Key(
        "init_lora_weights", .initialization,
        "How new adapters begin: true, A random and B zero; gaussian, A normal; false, both random (for tests).",
        default: .value(.standard, "PEFT's"), identity: true, rule: freshOnly)

    package let loadsIn8Bit: Key<Bool> = Key(
        "load_in_8bit", .flag, "Whether frozen matrices are held as eight-bit integers.",
        default: .value(false, "TRL's"),
        identity: true, rule: frozenOnly { $0.loadsIn8Bit })

    package let loadsIn4Bit: Key<Bool> = Key(
        "load_in_4bit", .flag, "Whether frozen matrices are held as four-bit normal floats (QLoRA's nf4).",
        default: .value(false, "TRL's"), identity: true, rule: frozenOnly { $0.loadsIn4Bit },
        synonyms: [.words("quantization_bit", .llamaFactory, as: ["4": "true"])])

    /// The keys that describe a new adapter.
    static let ofFreshAdapters = [
        "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "modules_to_save", "use_rslora", "use_dora",
        "init_lora_weights",
    ]
}

/// Read only when a new adapter is made.
private let freshOnly = Rule(with: "use_peft", "adapter_name_or_path") { run in
    if run.adapters.areUsed == false { return .unused(because: "use_peft is false") }
    if run.adapters.path != nil { return .unused(because: "the adapter that adapter_name_or_path names has it") }
    return run.adapters.areUsed == nil ? .unused(because: "use_peft isn't set") : nil
}

/// Read only when there are frozen weights; false is always true of a run.
private func frozenOnly(_ isSet: @escaping @Sendable (Settings<AdapterKeys>) -> Bool) -> Rule {
    Rule(with: "use_peft", "load_in_8bit", "load_in_4bit") { run in
        guard isSet(run.adapters) else { return nil }
        if run.adapters.areUsed == false { return .unused(because: "use_peft is false: what is trained is float32") }
        return run.adapters.loadsIn8Bit && run.adapters.loadsIn4Bit
            ? .expected("one of load_in_8bit and load_in_4bit to be true") : nil
    }
}

extension ValueKind where Value == AdapterTargets.Modules? {
    fileprivate static let targets = ValueKind(
        words: "a name, a list of names, or all-linear", schema: ValueKind<[String]>.names.schema
    ) { entry throws(RunFileError) in
        let names = try ValueKind<[String]>.names.read(entry)
        return names.map { $0.lowercased() } == [AdapterTargets.allLinearName] ? .allLinear : .named(names)
    } write: { targets in
        switch targets {
        case .allLinear: .string(AdapterTargets.allLinearName)
        case .named(let names): .list(names.map { .string($0) })
        case .pattern(let pattern): .string(pattern)
        case nil: .null
        }
    }
}

extension ValueKind where Value == AdapterConfig.Initialization {
    fileprivate static let initialization = ValueKind(
        words: "true, false or gaussian", schema: ["enum": [true, false, "gaussian"]]
    ) { entry throws(RunFileError) in
        if entry.value.text?.lowercased() == "gaussian" { return .gaussian }
        guard let flag = entry.value.bool else { throw entry.wrong("true, false or gaussian") }
        return flag ? .standard : .random
    } write: { initialization in
        switch initialization {
        case .standard: .plain("true")
        case .random: .plain("false")
        case .gaussian: .string("gaussian")
        }
    }
}

extension Settings where Section == AdapterKeys {
    /// The format that frozen matrices get when they are read.
    package var quantization: BaseQuantization { self.loadsIn4Bit ? .nf4 : self.loadsIn8Bit ? .int8 : .none }

    /// The first key given that describes a new adapter, for messages.
    package var firstKey: String? { AdapterKeys.ofFreshAdapters.first(where: values.isGiven) }
}
