import Storage

/// The settings of a LoRA adapter in `adapter_config.json` (arXiv 2106.09685), in PEFT's layout.
///
/// For a frozen matrix W [N, K] the adapter holds A [r, K] and B [N, r]; the model then multiplies by
/// W + s · B · A (see `scaling`), or with DoRA (arXiv 2402.09353), which adds m [N], by
/// m ∘ (W + s · B · A) / ‖W + s · B · A‖, row by row.
///
/// With `objectives` it isn't PEFT's: for any weights w of K objectives the model multiplies by
/// W + s · (Σ_k w_k B_k A_k + B_s A_s) (after arXiv 2402.02030), where the A_k and A_s are A's rows in this order and the B_k
/// and B_s B's columns, each as many.
package struct AdapterConfig: Sendable, Equatable {
    /// r
    package var loraRank: Int
    package var loraAlpha: Double
    /// The share of a product's inputs that the adapter doesn't see in training.
    package var loraDropout = 0.0
    package var targets: AdapterTargets
    /// `modules_to_save`: modules trained whole and kept beside the adapter.
    package var savedModules: [String] = []
    /// s = alpha / √r (arXiv 2312.03732) instead of alpha / r.
    package var usesRSLoRA = false
    package var usesDoRA = false
    package var initialization = Initialization.standard
    package var task = Task.languageModel
    /// The objectives that it has parts for; empty for an adapter as PEFT has them.
    package internal(set) var objectives: [String] = []
    /// `fan_in_fan_out`: whether the adapted matrices are stored [K, N], as GPT-2's are. A and B aren't affected.
    package var storesInputsFirst = false
    /// Where the frozen model came from; told, never opened.
    package var baseModel: String?
    package var revision: String?
    /// `inference_mode`, which PEFT sets in every saved adapter: it isn't to be trained on unless asked for.
    package var isForInference = true

    /// `task_type`: what the adapted model is for.
    package enum Task: String, Sendable, Equatable, CaseIterable {
        case languageModel = "CAUSAL_LM"
        /// A reward model, whose `score` is among `savedModules`.
        case reward = "SEQ_CLS"
    }

    /// `init_lora_weights`: what A and B hold before training.
    package enum Initialization: Sendable, Equatable {
        /// `true`: A uniform in ±1/√K (Kaiming's with a = √5), B zero.
        case standard
        /// `"gaussian"`: A normal with deviation 1/r, B zero.
        case gaussian
        /// `false`: A and B both random, so that the adapter does something at once. For tests.
        case random
    }

    package static let fileName = "adapter_config.json"

    package init(loraRank: Int, loraAlpha: Double, targets: AdapterTargets) {
        (self.loraRank, self.loraAlpha, self.targets) = (loraRank, loraAlpha, targets)
    }

    /// s: what B · A is multiplied by.
    package var scaling: Double {
        loraAlpha / (usesRSLoRA ? Double(loraRank).squareRoot() : Double(loraRank))
    }

    // MARK: - Several objectives

    /// `peft_type` of an adapter for any weights: PEFT, which would leave the weights out, refuses it.
    static let weightedType = "WEIGHTED_LORA"

    /// Makes it one for any weights of some objectives: each of them, and what they share, has a part of the rank that the
    /// whole had, under the same s.
    package mutating func divide(among objectives: [String]) {
        let scaling = scaling
        loraRank *= objectives.count + 1
        loraAlpha = scaling * (usesRSLoRA ? Double(loraRank).squareRoot() : Double(loraRank))
        self.objectives = objectives
    }

    /// The plain adapter of some of the parts of one for any weights, under the same s.
    package func keeping(parts: Int) -> AdapterConfig {
        var config = self
        let scaling = scaling
        config.loraRank = loraRank / (objectives.count + 1) * parts
        config.loraAlpha = scaling * (usesRSLoRA ? Double(config.loraRank).squareRoot() : Double(config.loraRank))
        config.objectives = []
        return config
    }

    // MARK: - Writing

    /// The JSON that PEFT reads as the same values. Fields it would fill with its defaults are left to it, but for
    /// those that other readers expect.
    package var json: JSON {
        func list(_ names: [String]) -> JSON { .array(names.map { .string($0) }) }
        var fields: JSONObject = [
            "auto_mapping": nil,
            "base_model_name_or_path": baseModel.map { .string($0) } ?? .null,
            "bias": "none",
        ]
        if !targets.excluded.isEmpty { fields["exclude_modules"] = list(targets.excluded) }
        fields["fan_in_fan_out"] = .bool(storesInputsFirst)
        fields["inference_mode"] = .bool(isForInference)
        fields["init_lora_weights"] = initialization.json
        fields["layers_pattern"] = targets.layerLists.isEmpty ? .null : list(targets.layerLists)
        fields["layers_to_transform"] = targets.layers.map { .array($0.map { .integer($0) }) } ?? .null
        fields["lora_alpha"] = Int(exactly: loraAlpha).map { .integer($0) } ?? .number(loraAlpha)
        fields["lora_dropout"] = .number(loraDropout)
        fields["modules_to_save"] = savedModules.isEmpty ? .null : list(savedModules)
        if !objectives.isEmpty { fields["objectives"] = list(objectives) }
        fields["peft_type"] = .string(objectives.isEmpty ? "LORA" : AdapterConfig.weightedType)
        fields["r"] = .integer(loraRank)
        fields["revision"] = revision.map { .string($0) } ?? .null
        fields["target_modules"] =
            switch targets.modules {
            case .named(let names): list(names)
            case .allLinear: .string(AdapterTargets.allLinearName)
            case .pattern(let pattern): .string(pattern)
            }
        fields["task_type"] = .string(task.rawValue)
        fields["use_dora"] = .bool(usesDoRA)
        fields["use_rslora"] = .bool(usesRSLoRA)
        return .object(fields)
    }

    /// Writes `adapter_config.json` into a folder. Not durable by itself: `CheckpointFolder.write` sees to that.
    package func write(to directory: String) throws(CheckpointError) {
        let path = FileSystem.join(directory, AdapterConfig.fileName)
        try CheckpointError.storing { () throws(StorageError) in try AtomicFile.write(json.prettyText, to: path) }
    }
}

extension AdapterConfig.Initialization {
    var json: JSON {
        switch self {
        case .standard: true
        case .gaussian: "gaussian"
        case .random: false
        }
    }
}
