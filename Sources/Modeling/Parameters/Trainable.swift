import Checkpoints

/// The trained part of a model; the rest is frozen: it has no gradient, no optimizer state, and stays in its files.
package enum Trainable: Sendable, Equatable {
    case everything
    case nothing
    /// Low-rank adapters beside frozen matrices.
    case adapters(Adaptation)
}

/// Low-rank adapters (LoRA, arXiv 2106.09685) for chosen modules of a model: W x becomes W x + s B A drop(x).
package struct Adaptation: Sendable, Equatable {
    package let config: AdapterConfig
    /// The linear modules that have an adapter, by transformers' names.
    package let modules: Set<String>
    /// Norms, embedding or head that are trained as a whole beside the adapters.
    package let savedModules: Set<String>

    /// The modules that a config chooses.
    /// - Throws: `AdapterTargets.Refusal`, which names no place, when it chooses none or what can't be trained.
    package init(
        _ config: AdapterConfig, for a: Architecture, of base: ModelDirectory
    ) throws(AdapterTargets.Refusal) {
        let table = Adaptation.table(a, base)
        modules = Set(try config.targets.choose(among: table.linearModules, saved: config.savedModules))
        savedModules = Set(try AdapterTargets.choose(saved: config.savedModules, among: table.otherModules))
        self.config = config
        try requireUntied(a, table)
    }

    /// The modules that an adapter's tensors are for.
    /// - Throws: `AdapterTargets.Refusal`.
    package init(
        _ directory: AdapterDirectory, for a: Architecture, of base: ModelDirectory
    ) throws(AdapterTargets.Refusal) {
        let table = Adaptation.table(a, base)
        for module in directory.modules where !table.linearModules.contains(module.name) {
            throw AdapterTargets.Refusal(
                description: "it adapts \(module.name), which is no linear module of the model's blocks")
        }
        config = directory.config
        modules = Set(directory.modules.map(\.name))
        let saved = directory.savedTensors.map { name, _ in
            String(name.prefix(upTo: name.lastIndex(of: ".") ?? name.endIndex))
        }
        for module in saved where !table.otherModules.contains(module) {
            throw AdapterTargets.Refusal(
                description:
                    "it holds the whole of \(module), which isn't a norm, the embedding or the head of the model")
        }
        savedModules = Set(saved)
        try requireUntied(a, table)
    }

    /// The modules as this base names them.
    private static func table(_ a: Architecture, _ base: ModelDirectory) -> ParameterTable {
        ParameterTable(a, naming: TensorNaming(of: Set(base.tensorNames), a), training: .nothing)
    }

    private func requireUntied(_ a: Architecture, _ table: ParameterTable) throws(AdapterTargets.Refusal) {
        guard a.tiedHead, let embedding = table.otherModules.first, savedModules.contains(embedding) else { return }
        throw AdapterTargets.Refusal(
            description:
                "\(embedding) is the model's head too (tie_word_embeddings), and can't be trained beside adapters")
    }
}
