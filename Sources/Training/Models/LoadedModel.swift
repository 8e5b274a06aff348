import Checkpoints
import Kernels
import Machine
import Modeling
import RunFiles
import Statistics
import Storage
import Tokenization

/// A model opened from a directory: what several commands need to begin with.
package struct LoadedModel {
    /// As it was asked for: a model's folder, or an adapter's.
    package let source: ModelSource
    /// The model's folder, or that of an adapter's base.
    package let directory: ModelDirectory
    package let architecture: Architecture
    /// The same as the base's config has it, whatever head is trained in place of its own.
    private let baseArchitecture: Architecture
    /// The trained weights, or the adapter's; nil in a model that is only read.
    let weights: Weights?
    /// The weights that stay in their files; nil in a model that is trained as a whole.
    package let frozen: FrozenWeights?
    package let transformer: Transformer

    /// A model whose weights are all trained.
    ///
    /// - Parameters:
    ///   - positions: the longest sequence it will see.
    ///   - output: what its head is to give; the head that a directory doesn't have is fresh.
    ///   - seed: of a fresh head.
    ///   - mayBeBare: a directory of `config.json` alone is a model with random weights.
    /// - Throws: `CheckpointError`, `ModelError` or `MemoryError`.
    package init(
        training source: ModelSource, giving output: Architecture.Output, seed: UInt64, positions: Int,
        mayBeBare: Bool = false, on pool: ThreadPool
    ) throws {
        self.source = source
        directory = try ModelDirectory(path: source.base, needsWeights: !mayBeBare)
        baseArchitecture = try Architecture(directory)
        architecture = baseArchitecture.giving(output)
        let weights: Weights
        if directory.tensorNames.isEmpty, mayBeBare {
            var random = SplitMix64(state: 0)
            weights = try Weights(random: architecture, using: &random)
        } else {
            var random = SplitMix64(state: seed)
            weights = try Weights(directory, architecture: architecture, headFrom: &random, on: pool)
        }
        directory.releasePages()
        self.weights = weights
        frozen = nil
        transformer = try Transformer(architecture, weights: weights, positions: positions, pool: pool)
    }

    /// A frozen model with adapters that are trained: the source's, or fresh ones.
    ///
    /// - Parameters:
    ///   - config: of fresh adapters; not read if the source has one.
    ///   - output: what its head is to give; a reward model's is trained as a whole beside the adapters.
    ///   - seed: of what fresh adapters hold.
    ///   - folder: where a quantised base is kept.
    ///   - digest: the base's content, if it is quantised.
    ///   - drops: whether training uses the adapters' dropout.
    ///   - objectives: those that fresh adapters have parts for; none: plain ones.
    /// - Throws: `CheckpointError`, `ModelError`, `MemoryError` or `TrainingError`.
    package init(
        adapting source: ModelSource, _ config: RunFile.Adapters, giving output: Architecture.Output, seed: UInt64,
        folder: String, digest: Digest.Value?, drops: Bool, objectives: [String] = [], positions: Int, on pool: ThreadPool
    ) throws {
        self.source = source
        directory = try ModelDirectory(path: source.base)
        let base = try Architecture(directory)
        (architecture, baseArchitecture) = (base.giving(output), base)
        let frozen = try FrozenWeights(
            directory, architecture: base, quantization: config.quantization, folder: folder, digest: digest,
            on: pool)
        var random = SplitMix64(state: seed)
        let weights: Weights
        if let adapter = source.adapter {
            weights = try LoadedModel.adapter(adapter, on: frozen, architecture, pool)
        } else {
            let adaptation = try config.adaptation(of: architecture, in: directory, for: objectives)
            weights = try Weights(adapting: frozen, architecture, adaptation, using: &random, on: pool)
        }
        if case .adapters(let adaptation) = weights.table.trainable, adaptation.config.usesDoRA,
            adaptation.config.loraDropout > 0, drops
        {
            throw TrainingError.input(
                "DoRA needs a dropout of 0 in this version, it is \(adaptation.config.loraDropout): set lora_dropout: 0, "
                    + "disable_dropout: true or use_dora: false")
        }
        self.frozen = frozen
        self.weights = weights
        transformer = try Transformer(architecture, weights: weights, on: frozen, positions: positions, pool: pool)
    }

    /// A model that is only read, from its mapped files, with or without an adapter.
    ///
    /// - Parameters:
    ///   - positions: the longest sequence it will see; nil: the model's own limit.
    ///   - other: a loaded model, whose base is taken if it is this one's too.
    ///   - quantization: of the base, kept in `folder`; `digest` is that of its content.
    /// - Throws: `CheckpointError`, `ModelError`, `MemoryError` or `TrainingError`.
    package init(
        reading source: ModelSource, sharing other: LoadedModel? = nil, positions: Int? = nil,
        quantization: BaseQuantization = .none, folder: String? = nil, digest: Digest.Value? = nil,
        on pool: ThreadPool
    ) throws {
        self.source = source
        let shared = other.flatMap { source.hasBase(of: $0.source) ? $0 : nil }
        directory = try shared?.directory ?? ModelDirectory(path: source.base)
        let base = try Architecture(directory)
        (architecture, baseArchitecture) = (try source.output(on: base), base)
        let frozen =
            try shared?.frozen
            ?? FrozenWeights(
                directory, architecture: base, quantization: quantization, folder: folder, digest: digest,
                on: pool)
        let positions = positions ?? architecture.positions
        if let adapter = source.adapter {
            let weights = try LoadedModel.adapter(adapter, on: frozen, architecture, pool)
            self.weights = weights
            transformer = try Transformer(
                architecture, weights: weights, on: frozen, positions: positions, pool: pool)
        } else {
            weights = nil
            transformer = try Transformer(architecture, frozen: frozen, positions: positions, pool: pool)
        }
        self.frozen = frozen
    }

    private static func adapter(
        _ path: String, on frozen: FrozenWeights, _ architecture: Architecture, _ pool: ThreadPool
    ) throws -> Weights {
        let directory = try AdapterDirectory(path: path)
        if let remedy = directory.config.remedyForWeights(adapter: path, model: frozen.directory.path) {
            throw TrainingError.input(remedy)
        }
        let adaptation: Adaptation
        do throws(AdapterTargets.Refusal) {
            adaptation = try Adaptation(directory, for: architecture, of: frozen.directory)
        } catch {
            throw TrainingError.input("\(path): \(error), \(frozen.directory.path)")
        }
        var random = SplitMix64(state: 0)
        let weights = try Weights(adapting: frozen, architecture, adaptation, using: &random, on: pool)
        try weights.load(path, on: pool)
        return weights
    }

    /// Rounds of decoding that win back the time of copying all weights, with some to spare (docs/performance.md).
    private static let roundsWorthPacking = 100

    /// Copies weights that are only read into the order in which decoding reads them, where so many rounds are worth it
    /// and the copies find room beside keys and values, which get half of the free memory.
    ///
    /// - Parameter freeMemory: of this rank.
    package func packForDecoding(rounds: Int, freeMemory: Int, console: Console, on pool: ThreadPool) {
        guard weights == nil, let frozen, rounds >= LoadedModel.roundsWorthPacking else { return }
        let bytes = frozen.bytesToPack(on: pool)
        guard bytes > 0, bytes <= freeMemory / 4 else { return }
        console.line("packing the weights for decoding: \(readableBytes(bytes)) a rank")
        frozen.packForDecoding(on: pool)
    }

    /// The vector that training changes.
    package func trained() throws -> Weights {
        guard let weights else {
            throw TrainingError.input("\(source.base): nothing of it is to be trained; set use_peft: true, or false")
        }
        return weights
    }

    /// The same weights ready for sequences of up to so many tokens.
    package func seeing(positions: Int, on pool: ThreadPool) throws(ModelError) -> Transformer {
        guard let weights else { return try base(positions: positions, on: pool) }
        return try Transformer(architecture, weights: weights, on: frozen, positions: positions, pool: pool)
    }

    /// The model without its adapters. One that is trained as a whole is its own base until the first step.
    package func base(positions: Int, on pool: ThreadPool) throws(ModelError) -> Transformer {
        guard let frozen else { return transformer }
        return try Transformer(baseArchitecture, frozen: frozen, positions: positions, pool: pool)
    }

    /// Writes what is trained, as a folder that other tools load: a model, or an adapter in PEFT's layout.
    ///
    /// - Parameter values: of the trained vector, or a copy of it.
    /// - Returns: the checksums of the files of tensors.
    /// - Throws: `CheckpointError`.
    func save(_ values: UnsafePointer<Float>, to path: String, as type: SaveType) throws -> Checksums {
        let weights = try trained()
        guard case .adapters = weights.table.trainable else {
            return try saveModel(weights, values: values, like: directory, to: path, as: type)
        }
        return try saveAdapter(weights.table, values: values, on: directory, to: path, as: type)
    }
}

/// A folder that a user names as a model: its folder, or the folder of an adapter on it.
package struct ModelSource: Equatable {
    /// The model's folder.
    package let base: String
    /// The same without links and detours.
    private let place: String
    /// The adapter's.
    let adapter: String?

    /// - Parameters:
    ///   - path: a model's folder; or an adapter's, whose config names its base.
    ///   - adapter: an adapter on the model.
    /// - Throws: `CheckpointError` or `TrainingError`.
    package init(_ path: String, adapter: String? = nil) throws {
        guard ModelSource.isAdapter(path) else {
            (base, self.adapter, place) = (path, adapter, FileSystem.resolved(path))
            return
        }
        guard adapter == nil else {
            throw TrainingError.input("\(path): is an adapter itself; name the model that both are for")
        }
        guard let base = try AdapterConfig(directory: path).baseModel else {
            throw TrainingError.input(
                "\(FileSystem.join(path, AdapterConfig.fileName)): base_model_name_or_path is missing; name the model's folder "
                    + "as the model and this one as the adapter")
        }
        guard FileSystem.isDirectory(base) else {
            throw TrainingError.input(
                "\(path): its base model \"\(base)\" isn't a folder here; name the model's folder as the model and this one "
                    + "as the adapter")
        }
        (self.base, self.adapter, place) = (base, path, FileSystem.resolved(base))
    }

    /// A model without the adapter.
    package init(ofBase source: ModelSource) { (base, adapter, place) = (source.base, nil, source.place) }

    /// As it was asked for: the adapter's folder, or without one the model's.
    package var path: String { adapter ?? base }

    func hasBase(of other: ModelSource) -> Bool { place == other.place }

    package static func == (a: ModelSource, b: ModelSource) -> Bool { a.place == b.place && a.adapter == b.adapter }

    /// Where the tokenizer is: in an adapter's folder if it holds one, as those saved here do.
    package var tokenizerPath: String {
        guard let adapter, FileSystem.exists(FileSystem.join(adapter, "tokenizer.json")) else { return base }
        return adapter
    }

    /// The source as a reward model or as what its folders make of it: a base's own config, or an adapter's `task_type`.
    /// - Throws: `CheckpointError` or `TokenizerError`.
    func output(on base: Architecture) throws -> Architecture {
        guard let adapter, try AdapterConfig(directory: adapter).task == .reward else { return base }
        return base.giving(.reward(padding: try padding(on: base)))
    }

    /// The token that a reward model's last one is told from: as TRL's trainer has it the tokenizer's padding token, else its
    /// end of sequence; without a tokenizer the config's.
    /// - Throws: `TokenizerError`.
    func padding(on base: Architecture) throws -> Int32? {
        if case .reward(let padding?) = base.output { return padding }
        guard let tokenizer = try Tokenizer.find(in: tokenizerPath) else { return base.endTokens.first }
        return tokenizer.padToken ?? tokenizer.eosToken ?? base.endTokens.first
    }

    /// Bytes of the model's files of weights, of which all are mapped; 0 if they are those of a loaded frozen model.
    func bytesOfFiles(beside other: LoadedModel) -> Int {
        guard !(hasBase(of: other.source) && other.frozen != nil) else { return 0 }
        let names = ((try? FileSystem.list(base)) ?? []).filter { $0.hasSuffix(".safetensors") }
        return names.reduce(0) { $0 + ((try? FileSystem.size(of: FileSystem.join(base, $1))) ?? 0) }
    }

    /// Its shape, if it can be read.
    var architecture: Architecture? {
        guard let directory = try? ModelDirectory(path: base), let shape = try? Architecture(directory) else { return nil }
        return try? output(on: shape)
    }

    private static func isAdapter(_ path: String) -> Bool {
        FileSystem.exists(FileSystem.join(path, AdapterConfig.fileName))
            && !FileSystem.exists(FileSystem.join(path, "config.json"))
    }

    /// Stands for what the model computes. Reads all weights.
    ///
    /// - Parameter known: the base's, if it is known already.
    package func contentDigest(ofBase known: Digest.Value? = nil) throws(CheckpointError) -> Digest.Value {
        let model: Digest.Value
        if let known { model = known } else { model = try ModelDirectory(path: base).contentDigest() }
        guard let adapter else { return model }
        return try ModelSource.digest(of: model, with: AdapterDirectory(path: adapter).contentDigest())
    }

    /// Stands for what a model computes with an adapter.
    static func digest(of model: Digest.Value, with adapter: Digest.Value) -> Digest.Value {
        var digest = Digest()
        digest.update(field: model.hex)
        digest.update(field: adapter.hex)
        return digest.finish()
    }
}

extension Architecture {
    /// - Throws: `ModelError`.
    package init(_ directory: ModelDirectory) throws {
        try self.init(config: directory.config, file: FileSystem.join(directory.path, "config.json"))
    }
}

extension Architecture {
    /// The same decoder under another head, unless it has such a head already.
    func giving(_ output: Output) -> Architecture {
        switch output {
        case .reward(let padding): return isRewardModel ? self : rewarding(padding: padding)
        case .logitsAndValues:
            var model = self
            model.output = .logitsAndValues
            return model
        case .logits: return self
        }
    }
}

extension LoadedModel {
    /// Refuses a language model where a reward model is needed.
    /// - Throws: `TrainingError.input`.
    package func requireRewardModel() throws {
        guard !architecture.isRewardModel else { return }
        throw TrainingError.input(
            "\(source.base): is no reward model; expected a folder whose config.json names a class "
                + "…ForSequenceClassification with one label, as loss_type: reward saves it")
    }

    /// Refuses a reference or margin model whose token ids can't mean the same.
    package func requireVocabulary(of policy: LoadedModel) throws -> LoadedModel {
        guard architecture.vocabulary == policy.architecture.vocabulary else {
            throw TrainingError.input(
                "\(directory.path): its vocabulary has \(architecture.vocabulary) tokens, that of \(policy.directory.path) "
                    + "\(policy.architecture.vocabulary); a reference or margin model must share the policy's tokenizer"
            )
        }
        return self
    }
}
