import Checkpoints
import Kernels
import Modeling

/// An adapter and the share of it that is taken.
package struct WeightedAdapter {
    package let directory: AdapterDirectory
    package let weight: Double

    package init(_ directory: AdapterDirectory, weight: Double = 1) {
        (self.directory, self.weight) = (directory, weight)
    }
}

/// Which adapters change which of a model's tensors.
struct AdapterPlan {
    private let base: MergeBase
    private var deltas: [String: [AdaptedMatrix.Delta]] = [:]
    /// The tensors in the place of one of the model's, by its stored name, and how much of each.
    private var replacements: [String: [(weight: Double, tensor: MergeBase.Source)]] = [:]

    init(_ base: MergeBase) { self.base = base }

    /// - Throws: `ModelError.inconsistent` for an adapter of another model.
    mutating func add(_ adapter: WeightedAdapter) throws(ModelError) {
        let directory = adapter.directory
        func refusal(_ reason: String) -> ModelError {
            .inconsistent(file: directory.path, reason: "\(reason); it isn't an adapter of \(base.directory.path)")
        }
        for module in directory.modules {
            let name = base.storedName(of: module.name + ".weight")
            if base.architecture.tiedHead, name == base.head {
                throw .inconsistent(
                    file: directory.path,
                    reason: "adapts \(module.name), which is the embedding in \(base.directory.path) "
                        + "(tie_word_embeddings): merged, it would change both; train it with modules_to_save instead")
            }
            guard let source = base.source(name), base.isLinear(name) else {
                throw refusal("adapts \(module.name), which is no matrix of the model")
            }
            let shape = base.isTransposed(name) ? source.shape.reversed() : source.shape
            guard [module.b.shape[0], module.a.shape[1]] == shape else {
                throw refusal(
                    "adapts \(module.name) as [\(module.b.shape[0]), \(module.a.shape[1])], in the model it is \(shape)"
                )
            }
            if let frozen = module.frozen, !AdapterPlan.isSame(MergeBase.Source(frozen), source) {
                throw refusal("keeps a \(module.name) of its own that isn't the model's")
            }
            deltas[name, default: []].append(
                AdaptedMatrix.Delta(
                    weight: adapter.weight, scaling: directory.config.scaling, a: module.a, b: module.b,
                    magnitude: module.magnitude))
        }
        for (tensorName, tensor) in directory.savedTensors {
            let name = base.storedName(of: tensorName)
            guard let source = original(name) else {
                throw refusal("keeps \(tensorName), which the model doesn't have")
            }
            guard !base.architecture.tiedHead || name != base.head || base.head != base.embedding else {
                throw .inconsistent(
                    file: directory.path,
                    reason: "keeps \(tensorName), but \(base.directory.path) stores head and embedding as one tensor, "
                        + "\"\(name)\"; save the model again with save_pretrained, then merge")
            }
            guard source.shape == tensor.shape else {
                throw refusal("keeps \(tensorName) of shape \(tensor.shape), in the model it is \(source.shape)")
            }
            replacements[name, default: []].append((adapter.weight, MergeBase.Source(tensor)))
        }
    }

    /// The model's own tensor of a stored name; the embedding for a head that is the embedding.
    private func original(_ name: String) -> MergeBase.Source? {
        base.source(name) ?? (base.architecture.tiedHead && name == base.head ? base.source(base.embedding) : nil)
    }

    /// T + Σ wᵢ (Tᵢ − T)
    private func terms(_ name: String) -> [(weight: Double, tensor: MergeBase.Source)]? {
        guard let source = original(name) else { return nil }
        let taken = replacements[name] ?? []
        let remaining = 1 - taken.reduce(0) { $0 + $1.weight }
        return (remaining == 0 ? [] : [(remaining, source)]) + taken
    }

    /// The contents of the tensors that change, by their stored names.
    func contents() throws(ModelError) -> [String: MergedTensor.Content] {
        var contents: [String: MergedTensor.Content] = [:]
        for (name, deltas) in deltas {
            guard replacements[name] == nil else {
                throw .inconsistent(
                    file: base.directory.path,
                    reason: "one adapter adapts \(name), another keeps it whole (modules_to_save): they don't combine")
            }
            guard let source = base.source(name) else { continue }
            contents[name] = .adapted(
                AdaptedMatrix(base: source, isTransposed: base.isTransposed(name), deltas: deltas))
        }
        for name in replacements.keys {
            if let terms = terms(name) { contents[name] = .sum(terms) }
        }
        return contents
    }

    /// In a model whose head is the embedding, the head's content where adapters tell the two apart: PEFT trains what
    /// `modules_to_save` names and leaves the other as it was.
    var untiedHead: (tensor: MergeBase.Source, terms: [(weight: Double, tensor: MergeBase.Source)])? {
        guard base.architecture.tiedHead, let embedding = base.source(base.embedding) else { return nil }
        let (heads, embeddings) = (replacements[base.head] ?? [], replacements[base.embedding] ?? [])
        let isTied =
            heads.count == embeddings.count
            && zip(heads, embeddings).allSatisfy {
                $0.weight == $1.weight && AdapterPlan.isSame($0.tensor, $1.tensor)
            }
        guard !isTied, let terms = terms(base.head) else { return nil }
        return (embedding, terms)
    }

    /// Whether two tensors hold the same numbers, in whatever type.
    private static func isSame(_ other: MergeBase.Source, _ source: MergeBase.Source) -> Bool {
        guard other.shape == source.shape else { return false }
        if let a = other.view, let b = source.view, a.elementType == b.elementType {
            return a.bytes.elementsEqual(b.bytes)
        }
        let elements = source.shape.reduce(1, *)
        let step = 1 << 14
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * step) { buffer in
            guard let one = buffer.baseAddress else { return true }
            let two = one + step
            for start in stride(from: 0, to: elements, by: step) {
                let count = min(step, elements - start)
                other.widen(from: start, into: one, count: count)
                source.widen(from: start, into: two, count: count)
                if !(0..<count).allSatisfy({ one[$0] == two[$0] }) { return false }
            }
            return true
        }
    }
}
