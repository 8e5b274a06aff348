/// The tensors of an adapter's file, sorted by what they are and held against the config.
struct AdapterContent {
    var modules: [AdapterDirectory.Module] = []
    var saved: [(name: String, tensor: TensorView)] = []
    /// PEFT's names without the adapter's → names in the file.
    var places: [String: String] = [:]

    init(of file: SafetensorsFile, _ config: AdapterConfig) throws(CheckpointError) {
        func refusal(_ reason: String) -> CheckpointError { .adapter(path: file.path, reason: reason) }
        let a = try sort(file, refusal)
        for (module, a) in a.sorted(by: { $0.key < $1.key }) {
            modules.append(try AdapterContent.module(module, a, in: self, of: file, config, refusal))
        }
        for (name, place) in places.sorted(by: { $0.key < $1.key }) {
            guard let tensor = file[place] else { continue }
            switch AdapterNames.read(name).meaning {
            case .b(let module) where a[module] == nil:
                throw refusal("has \(place), but no lora_A for \(module); the file isn't whole, fetch it again")
            case .magnitude(let module) where a[module] == nil || !config.usesDoRA:
                throw refusal(
                    "has \(place), a magnitude of DoRA"
                        + (config.usesDoRA
                            ? ", but no lora_A for it; the file isn't whole, fetch it again"
                            : ", but its config has \"use_dora\" false; they don't belong together"))
            case .frozen(let module) where a[module] == nil:
                throw refusal("has \(place), but no lora_A for it; the file isn't whole, fetch it again")
            case .saved(let tensorName):
                saved.append((tensorName, tensor))
            default: break
            }
        }
        try requireSaved(by: config, refusal)
    }

    /// Fills `places`, and finds every module's A.
    private mutating func sort(
        _ file: SafetensorsFile, _ refusal: (String) -> CheckpointError
    ) throws(CheckpointError) -> [String: TensorView] {
        var a: [String: TensorView] = [:]
        var adapters: Set<String> = []
        for tensor in file.tensors {
            let (meaning, adapter) = AdapterNames.read(tensor.name)
            if case .unknown(let what) = meaning { throw refusal("tensor \"\(tensor.name)\" \(what)") }
            guard [.float32, .float16, .bfloat16].contains(tensor.elementType) else {
                throw refusal(
                    "tensor \"\(tensor.name)\" is stored as \(tensor.elementType.rawValue), expected F32, F16 or BF16")
            }
            if let adapter { adapters.insert(adapter) }
            guard let name = meaning.name else { continue }
            if let other = places.updateValue(tensor.name, forKey: name) {
                throw refusal("\"\(other)\" and \"\(tensor.name)\" are the same tensor; expected one adapter in a file")
            }
            if case .a(let module) = meaning { a[module] = tensor }
        }
        guard adapters.count < 2 else {
            throw refusal(
                "holds several adapters (\(adapters.sorted().joined(separator: ", "))); save each in a folder of its own"
            )
        }
        return a
    }

    private static func module(
        _ name: String, _ a: TensorView, in content: AdapterContent, of file: SafetensorsFile, _ config: AdapterConfig,
        _ refusal: (String) -> CheckpointError
    ) throws(CheckpointError) -> AdapterDirectory.Module {
        func find(_ name: String) -> TensorView? { content.places[name].flatMap { file[$0] } }
        func wrongShape(_ tensor: TensorView, _ expected: String) -> CheckpointError {
            refusal("tensor \"\(tensor.name)\" has the shape \(tensor.shape), expected \(expected)")
        }
        guard config.targets.covers(name, saved: config.savedModules) else {
            throw refusal(
                "has \(a.name), but its config doesn't target that module, so peft wouldn't load it; "
                    + "they don't belong together")
        }
        let r = config.loraRank
        guard let b = find(AdapterNames.b(name)) else {
            throw refusal("has \(a.name), but no lora_B for it; the file isn't whole, fetch it again")
        }
        guard a.shape.count == 2, a.shape[0] == r, a.shape[1] > 0 else {
            throw wrongShape(a, "[\(r), inputs]: \"r\" is \(r) in \(AdapterConfig.fileName)")
        }
        guard b.shape.count == 2, b.shape[1] == r, b.shape[0] > 0 else {
            throw wrongShape(b, "[outputs, \(r)]: \"r\" is \(r) in \(AdapterConfig.fileName)")
        }
        var module = AdapterDirectory.Module(name: name, a: a, b: b)
        if config.usesDoRA {
            guard let magnitude = find(AdapterNames.magnitude(name)) else {
                throw refusal(
                    "has no lora_magnitude_vector for \(name), though its config has \"use_dora\" true; "
                        + "fetch the adapter again")
            }
            guard magnitude.shape == [b.shape[0]] else { throw wrongShape(magnitude, "[\(b.shape[0])]") }
            module.magnitude = magnitude
        }
        module.frozen = AdapterNames.Meaning.frozen(module: name).name.flatMap(find)
        return module
    }

    /// Requires that `modules_to_save` and the tensors agree: PEFT would leave either out in silence.
    private func requireSaved(
        by config: AdapterConfig, _ refusal: (String) -> CheckpointError
    ) throws(CheckpointError) {
        for (name, _) in saved
        where !config.savedModules.contains(where: { AdapterTargets.isSaved(name, by: $0) }) {
            throw refusal(
                "tensor \"\(name)\" isn't one that \"modules_to_save\" of its config names (peft saves embeddings so when "
                    + "the vocabulary was resized); that isn't available in this version")
        }
        for module in config.savedModules
        where !saved.contains(where: { AdapterTargets.isSaved($0.name, by: module) }) {
            throw refusal("has no tensor for \"\(module)\" of \"modules_to_save\"; fetch the adapter again")
        }
        guard !modules.isEmpty || !saved.isEmpty else { throw refusal("has no tensors") }
    }
}
