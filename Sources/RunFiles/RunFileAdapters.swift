import Checkpoints

extension RunFile {
    /// Which weights are trained: all, or adapters on frozen ones.
    package struct Adapters: Sendable, Equatable {
        /// `use_peft`. Default false, but true if the model named is an adapter, or `adapter_name_or_path` names one.
        package let areUsed: Bool?
        /// `adapter_name_or_path`: an adapter that training goes on from; its config says what the keys below would.
        package let path: String?
        /// `lora_r`. Default 16, TRL's, as are the following.
        package let rank: Int
        /// `lora_alpha`. Default 32.
        package let alpha: Double
        /// `lora_dropout`. Default 0.05.
        package let dropout: Double
        /// `lora_target_modules`: names, or `all-linear`. Default: what PEFT has for the family.
        package let targets: AdapterTargets.Modules?
        /// `modules_to_save`: modules to be trained as a whole.
        package let savedModules: [String]
        /// `use_rslora`, `use_dora`. Default false.
        package let usesRSLoRA: Bool
        package let usesDoRA: Bool
        /// `init_lora_weights`: true (default), false or `gaussian`.
        package let initialization: AdapterConfig.Initialization
        /// `load_in_8bit`, `load_in_4bit`: what frozen matrices become when they are read. Default: they stay as they are.
        package let quantization: BaseQuantization
        /// The first key given that describes fresh adapters, for messages.
        let firstKey: RunFileEntry?
        package var firstKeyName: String? { firstKey?.key }

        private static let keys = [
            "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "modules_to_save", "use_rslora", "use_dora",
            "init_lora_weights",
        ]

        init(_ reader: RunFileReader) throws(RunFileError) {
            areUsed = try reader.flag("use_peft")
            path = try reader.text("adapter_name_or_path")
            rank = try reader.integer("lora_r", atLeast: 1, atMost: 1 << 16) ?? 16
            alpha = try reader.number("lora_alpha", .positive) ?? 32
            dropout = try reader.number("lora_dropout", .below(1)) ?? 0.05
            targets = try Self.readTargets(reader)
            savedModules = try reader.names("modules_to_save") ?? []
            usesRSLoRA = try reader.flag("use_rslora", default: false)
            usesDoRA = try reader.flag("use_dora", default: false)
            initialization = try Self.readInitialization(reader)
            quantization = try Self.readQuantization(reader)
            if areUsed == false, let entry = reader["load_in_8bit"] ?? reader["load_in_4bit"], quantization != .none {
                throw .unused(entry.place, key: entry.key, because: "use_peft is false: what is trained is float32")
            }
            firstKey = Adapters.keys.lazy.compactMap { reader[$0] }.first
            if areUsed == false, let entry = firstKey ?? reader["adapter_name_or_path"] {
                throw .unused(entry.place, key: entry.key, because: "use_peft is false")
            }
            if areUsed == nil, path == nil, let entry = firstKey {
                throw .unused(entry.place, key: entry.key, because: "use_peft isn't set")
            }
            if path != nil, let entry = firstKey {
                throw .unused(
                    entry.place, key: entry.key, because: "the adapter that adapter_name_or_path names has it")
            }
        }

        private static func readTargets(_ reader: RunFileReader) throws(RunFileError) -> AdapterTargets.Modules? {
            guard let names = try reader.names("lora_target_modules") else { return nil }
            return names.map { $0.lowercased() } == [AdapterTargets.allLinearName] ? .allLinear : .named(names)
        }

        private static func readQuantization(
            _ reader: RunFileReader
        ) throws(RunFileError) -> BaseQuantization {
            let isInt8 = try reader.flag("load_in_8bit", default: false)
            guard try reader.flag("load_in_4bit", default: false) else { return isInt8 ? .int8 : .none }
            if isInt8, let entry = reader["load_in_4bit"], let other = reader["load_in_8bit"] {
                throw .contradiction(entry.place, key: entry.key, otherPlace: other.place, otherKey: other.key)
            }
            return .nf4
        }

        private static func readInitialization(
            _ reader: RunFileReader
        ) throws(RunFileError) -> AdapterConfig.Initialization {
            guard let entry = reader["init_lora_weights"] else { return .standard }
            if entry.value.text?.lowercased() == "gaussian" { return .gaussian }
            guard let flag = entry.value.bool else {
                throw RunFileReader.wrong(entry, "true, false or gaussian")
            }
            return flag ? .standard : .random
        }

        /// The settings of fresh adapters in words.
        package var text: String {
            let targets =
                switch targets {
                case .allLinear: AdapterTargets.allLinearName
                case .named(let names): names.joined(separator: " ")
                case .pattern(let pattern): pattern
                case nil: "the family's usual modules"
                }
            return "LoRA of r \(rank), alpha \(alpha), dropout \(dropout), on \(targets)"
                + (savedModules.isEmpty ? "" : ", with \(savedModules.joined(separator: " ")) trained whole")
                + (usesRSLoRA ? ", rank-stabilized" : "") + (usesDoRA ? ", DoRA" : "")
        }

        package static func == (a: Adapters, b: Adapters) -> Bool {
            a.areUsed == b.areUsed && a.path == b.path && a.text == b.text && a.initialization == b.initialization
                && a.quantization == b.quantization
        }
    }
}

extension RunFileReader {
    /// One name, or a list of them.
    func names(_ key: String) throws(RunFileError) -> [String]? {
        guard let entry = self[key] else { return nil }
        if let name = entry.value.text, !name.isEmpty { return [name] }
        guard case .list(let values) = entry.value, !values.isEmpty else { throw Self.wrong(entry, "a list of names") }
        var names: [String] = []
        for value in values {
            guard let name = value.text, !name.isEmpty else { throw Self.wrong(entry, "a list of names") }
            names.append(name)
        }
        return names
    }
}
