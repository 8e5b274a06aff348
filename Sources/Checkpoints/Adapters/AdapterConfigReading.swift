import Storage

/// Reading `adapter_config.json`. Every field is either understood, or known to be without effect, or refused by name:
/// an adapter computed otherwise than it was trained would give numbers that only look right.
extension AdapterConfig {
    /// Reads an adapter folder's configuration.
    /// - Throws: `CheckpointError.adapter` for a folder that is none, with what to do, or for a field that changes what the
    ///   adapter computes and isn't understood, or
    ///   has a wrong type or value; `.json` or `.storage` for a file that can't be read.
    package init(directory: String) throws(CheckpointError) {
        guard FileSystem.isDirectory(directory) else {
            throw .adapter(
                path: directory, reason: "no such folder; give the folder that holds \(AdapterConfig.fileName)")
        }
        guard FileSystem.exists(FileSystem.join(directory, AdapterConfig.fileName)) else {
            let kind = FolderKind(directory)
            let isModel = FileSystem.exists(FileSystem.join(directory, "config.json"))
            let hint =
                isModel
                ? ": it is a model, not an adapter"
                : kind.remedyForAdapter.map { ": it \(kind.words); \($0)" }
                    ?? "; expected a folder as peft's save_pretrained makes it"
            throw .adapter(path: directory, reason: "has no \(AdapterConfig.fileName)\(hint)")
        }
        let path = FileSystem.join(directory, AdapterConfig.fileName)
        try self.init(json: CheckpointError.readObject(path), file: path)
    }

    /// - Parameter file: where the object came from, for messages.
    package init(json: JSON, file: String) throws(CheckpointError) {
        let fields = AdapterFields(object: json.object ?? [:], file: file)
        try fields.require("peft_type", oneOf: ["LORA", AdapterConfig.weightedType])
        try fields.requireAbsentOr("task_type", oneOf: Task.allCases.map(\.rawValue))
        try fields.requireAbsentOr("bias", oneOf: ["none"])
        try fields.refuseUnknown()

        let loraRank = try fields.integer("r") ?? 8
        guard loraRank > 0 else { throw fields.refusal("r", "expected a whole number above 0") }
        let loraAlpha = try fields.number("lora_alpha") ?? 8
        guard loraAlpha.isFinite, loraAlpha != 0 else { throw fields.refusal("lora_alpha", "expected a number but 0") }
        self.init(loraRank: loraRank, loraAlpha: loraAlpha, targets: try fields.targets())
        loraDropout = try fields.number("lora_dropout") ?? 0
        guard (0..<1).contains(loraDropout) else {
            throw fields.refusal("lora_dropout", "expected a number from 0 to below 1")
        }
        savedModules = try fields.names("modules_to_save") ?? []
        task = try fields.text("task_type").flatMap { Task(rawValue: $0) } ?? .languageModel
        usesRSLoRA = try fields.bool("use_rslora") ?? false
        usesDoRA = try fields.bool("use_dora") ?? false
        initialization = try fields.initialization()
        objectives = try fields.objectives(rank: loraRank)
        storesInputsFirst = try fields.bool("fan_in_fan_out") ?? false
        baseModel = try fields.text("base_model_name_or_path")
        revision = try fields.text("revision")
        isForInference = try fields.bool("inference_mode") ?? false
    }
}

/// The fields of one file. JSON's null stands for a field that isn't there, as in PEFT.
private struct AdapterFields {
    let object: JSONObject
    let file: String

    /// Fields that are read.
    private static let understood: Set<String> = [
        "peft_type", "task_type", "bias", "r", "lora_alpha", "lora_dropout", "target_modules", "exclude_modules",
        "modules_to_save", "use_rslora", "use_dora", "init_lora_weights", "fan_in_fan_out", "layers_to_transform",
        "layers_pattern", "base_model_name_or_path", "revision", "inference_mode", "objectives",
    ]

    /// Fields that only tell how the adapter was made.
    private static let withoutEffect: Set<String> = ["auto_mapping", "peft_version"]

    /// Fields whose default isn't null, false or empty.
    private static let defaults: [String: JSON] = ["megatron_core": "megatron.core", "qalora_group_size": 16]

    private func value(_ name: String) -> JSON? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    func refusal(_ name: String, _ expected: String) -> CheckpointError {
        .adapter(path: file, reason: "\"\(name)\" is \((object[name] ?? .null).text); \(expected)")
    }

    /// Refuses every field that isn't understood, unless its value is the default. Of fields newer than those known here
    /// only null, false and empty values can be taken for that.
    func refuseUnknown() throws(CheckpointError) {
        for (name, value) in object.members {
            if AdapterFields.understood.contains(name) || AdapterFields.withoutEffect.contains(name) { continue }
            let isDefault =
                switch value {
                case .null, .bool(false): true
                case .array(let elements): elements.isEmpty
                case .object(let members): members.isEmpty
                default: value == AdapterFields.defaults[name]
                }
            guard isDefault else {
                throw refusal(
                    name,
                    "that isn't available in this version, and leaving it out would change what the adapter computes; "
                        + "merge the adapter with peft (merge_and_unload), or train it without \(name)")
            }
        }
    }

    func require(_ name: String, oneOf values: [String]) throws(CheckpointError) {
        guard value(name) != nil else {
            throw .adapter(
                path: file,
                reason: "has no \"\(name)\"; expected an adapter's config as peft's save_pretrained writes it")
        }
        try requireAbsentOr(name, oneOf: values)
    }

    func requireAbsentOr(_ name: String, oneOf values: [String]) throws(CheckpointError) {
        guard let value = value(name) else { return }
        guard let text = value.string, values.contains(text) else {
            throw refusal(
                name,
                "expected \(values.map { "\"\($0)\"" }.joined(separator: " or ")), the kinds of adapter read here")
        }
    }

    func integer(_ name: String) throws(CheckpointError) -> Int? {
        guard let value = value(name) else { return nil }
        guard case .integer(let number) = value else { throw refusal(name, "expected a whole number") }
        return number
    }

    func number(_ name: String) throws(CheckpointError) -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = value.double else { throw refusal(name, "expected a number") }
        return number
    }

    func bool(_ name: String) throws(CheckpointError) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let bool = value.bool else { throw refusal(name, "expected true or false") }
        return bool
    }

    func text(_ name: String) throws(CheckpointError) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.string else { throw refusal(name, "expected a string") }
        return text
    }

    /// A list of module names, or parts of them.
    func names(_ name: String) throws(CheckpointError) -> [String]? {
        guard let value = value(name) else { return nil }
        let expected = "expected a list of module names"
        guard let elements = value.array else { throw refusal(name, expected) }
        var names: [String] = []
        for element in elements {
            guard let text = element.string, AdapterFields.isPlain(text) else { throw refusal(name, expected) }
            names.append(text)
        }
        return names
    }

    /// Letters, digits, "_", "-" and points between them: nothing that PEFT, which makes regular expressions of some of
    /// these names, would take for more than itself.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
                case UInt8(ascii: "0")...UInt8(ascii: "9"): true
                default: [UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains(byte)
                }
            }
    }

    /// The objectives of an adapter for any weights of them.
    func objectives(rank: Int) throws(CheckpointError) -> [String] {
        let isWeighted = value("peft_type")?.string == AdapterConfig.weightedType
        guard let given = value("objectives") else {
            guard !isWeighted else {
                throw refusal("objectives", "expected the names of the objectives that it has parts for")
            }
            return []
        }
        let names = (given.array ?? []).compactMap(\.string)
        guard isWeighted, !names.isEmpty, names.count == given.array?.count, Set(names).count == names.count,
            rank % (names.count + 1) == 0
        else {
            throw refusal(
                "objectives",
                "expected names that differ, in a file whose peft_type is \(AdapterConfig.weightedType), and r a multiple "
                    + "of one more than their number")
        }
        return names
    }

    func targets() throws(CheckpointError) -> AdapterTargets {
        let modules: AdapterTargets.Modules
        if let text = value("target_modules")?.string {
            modules = text.lowercased() == AdapterTargets.allLinearName ? .allLinear : .pattern(text)
        } else if let names = try names("target_modules"), !names.isEmpty {
            modules = .named(names)
        } else {
            throw refusal("target_modules", "expected a list of module names, or \"\(AdapterTargets.allLinearName)\"")
        }
        var targets = AdapterTargets(modules)
        if let text = value("exclude_modules")?.string, !text.isEmpty {
            throw refusal("exclude_modules", "expected a list: regular expressions aren't evaluated in this version")
        }
        targets.excluded = value("exclude_modules")?.string == "" ? [] : try names("exclude_modules") ?? []
        try readLayers(into: &targets)
        return targets
    }

    private func readLayers(into targets: inout AdapterTargets) throws(CheckpointError) {
        if let value = value("layers_to_transform") {
            let expected = "expected a layer's number or a list of them"
            var layers: [Int] = []
            for element in value.array ?? [value] {
                guard case .integer(let layer) = element, layer >= 0 else {
                    throw refusal("layers_to_transform", expected)
                }
                layers.append(layer)
            }
            targets.layers = layers
        }
        if let text = value("layers_pattern")?.string {
            guard text.isEmpty || AdapterFields.isPlain(text) else {
                throw refusal("layers_pattern", "expected a plain name: regular expressions aren't evaluated here")
            }
            targets.layerLists = text.isEmpty ? [] : [text]
        } else {
            targets.layerLists = try names("layers_pattern") ?? []
        }
        guard !targets.layerLists.contains(where: { $0.contains(".") }) else {
            throw refusal("layers_pattern", "expected what the model calls its list of layers, without points")
        }
        guard targets.layers == nil, targets.layerLists.isEmpty else {
            // PEFT's own refusals.
            if case .named = targets.modules, targets.layers != nil { return }
            throw refusal(
                targets.layers == nil ? "layers_pattern" : "layers_to_transform",
                "that needs target_modules as a list, and layers_to_transform")
        }
    }

    func initialization() throws(CheckpointError) -> AdapterConfig.Initialization {
        switch value("init_lora_weights") {
        case nil, .bool(true): return .standard
        case .bool(false): return .random
        case .string("gaussian"): return .gaussian
        default:
            throw refusal(
                "init_lora_weights",
                "expected true, false or \"gaussian\": others change the frozen weights too (convert it with peft's "
                    + "path_initial_model_for_weight_conversion)")
        }
    }
}
