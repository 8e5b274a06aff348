import Checkpoints
import Kernels
import Modeling
import Storage

/// A model made of others: adapters merged into the model they were trained on, or full checkpoints combined linearly
/// (rewarded soups, arXiv 2306.04488). Written tensor by tensor: memory is a few pieces, whatever the model's size.
package struct ModelMerge {
    let base: MergeBase
    /// Files and their tensors, as the first model has them.
    private let files: [(name: String, tensors: [MergedTensor])]
    private let config: JSONObject
    /// All that is read, to be let go of while writing.
    private let release: () -> Void
    /// Notes that the reader of the result should know.
    package let notes: [String]

    /// W + Σ wᵢ Δᵢ for every matrix that an adapter is for, and T + Σ wᵢ (Tᵢ − T) for what adapters keep whole
    /// (`modules_to_save`). One adapter of weight 1 gives what PEFT's `merge_and_unload` does.
    ///
    /// - Parameter type: what all weights are stored as; nil: each as it was.
    /// - Throws: `CheckpointError` or `ModelError` for a model or an adapter that is wrong, or that don't fit.
    package init(model path: String, adapters: [WeightedAdapter], as type: SaveType?, on pool: ThreadPool) throws {
        let base = try MergeBase(path, on: pool)
        var plan = AdapterPlan(base)
        for adapter in adapters { try plan.add(adapter) }
        let untied = plan.untiedHead
        let contents = try plan.contents()
        var notes: [String] = []
        var files = base.files.map { name, tensors in
            (name, tensors.map { MergedTensor($0, contents[$0.name], as: type) })
        }
        if let untied, let place = files.firstIndex(where: { $0.1.contains { $0.name == base.embedding } }) {
            if base.source(base.head) == nil {
                files[place].1.append(MergedTensor(base.head, like: untied.tensor, .sum(untied.terms), as: type))
            }
            notes.append(
                "the head and the embedding, which were one, now differ: the result has \"tie_word_embeddings\" false")
        }
        self.init(
            base, files: files, as: type, untied: untied != nil, notes: notes,
            release: { for adapter in adapters { adapter.directory.releasePages() } })
    }

    /// Σ wᵢ Tᵢ for every tensor.
    ///
    /// - Throws: `CheckpointError` or `ModelError` for a model that is wrong, or models that don't fit each other.
    package init(models: [(path: String, weight: Double)], as type: SaveType?, on pool: ThreadPool) throws {
        let bases = try models.map { try MergeBase($0.path, on: pool) }
        guard let base = bases.first else { preconditionFailure("a merge needs a model") }
        for other in bases.dropFirst() { try base.requireSameShape(other, mayDifferInType: type != nil) }
        let files = try base.files.map { name, tensors in
            let merged = try tensors.map { tensor in
                if [.float32, .float16, .bfloat16].contains(tensor.elementType), !Weights.isBuffer(tensor.name) {
                    let terms = zip(models, bases).compactMap { model, base in
                        base.source(tensor.name).map { (weight: model.weight, tensor: $0) }
                    }
                    return MergedTensor(tensor, .sum(terms), as: type)
                }
                try base.requireEqual(tensor, in: bases)
                return MergedTensor(tensor, nil, as: nil)
            }
            return (name, merged)
        }
        self.init(
            base, files: files, as: type, untied: false, notes: [],
            release: { for base in bases.dropFirst() { base.directory.releasePages() } })
    }

    private init(
        _ base: MergeBase, files: [(name: String, tensors: [MergedTensor])], as type: SaveType?, untied: Bool,
        notes: [String], release: @escaping () -> Void
    ) {
        self.base = base
        self.notes = notes
        self.release = {
            base.directory.releasePages()
            release()
        }
        // Wider elements go first, so that all are aligned.
        self.files = files.map { name, tensors in
            let sorted = tensors.enumerated().sorted {
                (-$0.element.elementType.size, $0.offset) < (-$1.element.elementType.size, $1.offset)
            }
            return (name, sorted.map(\.element))
        }
        var config = type?.said(in: base.directory.config) ?? base.directory.config.object ?? [:]
        if untied { config["tie_word_embeddings"] = false }
        // What comes out is floats.
        config["quantization_config"] = nil
        self.config = config
    }

    /// Writes a complete model directory into a folder that is there: config, weights in the first model's layout, and the
    /// files that go along.
    ///
    /// - Parameter progress: told the bytes written and those there will be.
    package func write(
        to directory: String, on pool: ThreadPool, progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
    ) throws {
        try AtomicFile.write(JSON.object(config).prettyText, to: FileSystem.join(directory, "config.json"))
        try base.directory.copyCompanionFiles(to: directory)
        let total = files.reduce(0) { $0 + $1.tensors.reduce(0) { $0 + $1.bytes } }
        var (done, map) = (0, JSONObject())
        for (name, tensors) in files {
            var writer = try SafetensorsWriter(
                path: FileSystem.join(directory, name), layout: tensors.map { ($0.name, $0.elementType, $0.shape) })
            for tensor in tensors {
                try tensor.write(to: &writer, owner: base.directory.path, on: pool, release: release)
                release()
                map[tensor.name] = .string(name)
                done += tensor.bytes
                progress(done, total)
            }
            try writer.finish()
        }
        guard base.directory.hasIndex else { return }
        let index: JSON = ["metadata": ["total_size": .integer(total)], "weight_map": .object(map)]
        try AtomicFile.write(index.prettyText, to: FileSystem.join(directory, "model.safetensors.index.json"))
    }
}

extension MergedTensor {
    /// A tensor of the result in the place of one of the model's: made of `content`, or as it came.
    fileprivate init(_ source: MergeBase.Source, _ content: Content?, as type: SaveType?) {
        let isBuffer = Weights.isBuffer(source.name) || ![.float32, .float16, .bfloat16].contains(source.elementType)
        let elementType = isBuffer ? source.elementType : type?.elementType ?? source.elementType
        let same: Content =
            if elementType == source.elementType, let view = source.view { .copied(view) } else { .sum([(1, source)]) }
        self.init(name: source.name, shape: source.shape, elementType: elementType, content: content ?? same)
    }

    /// A tensor that the model doesn't have.
    fileprivate init(_ name: String, like source: MergeBase.Source, _ content: Content, as type: SaveType?) {
        self.init(
            name: name, shape: source.shape, elementType: type?.elementType ?? source.elementType, content: content)
    }

    var bytes: Int { shape.reduce(elementType.size, *) }
}
