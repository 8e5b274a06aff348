import Checkpoints
import Kernels
import Modeling
import Storage

/// Several adapters as one whose delta is the weighted sum of theirs, exactly: A's rows one below the other, B's columns
/// side by side, so that its rank is the sum of their ranks.
package struct AdapterConcatenation {
    private let base: MergeBase
    private let adapters: [WeightedAdapter]
    private let config: AdapterConfig
    /// Modules with the adapters that are for each, in the order given; nil for one that isn't.
    private let modules: [(name: String, inputs: Int, outputs: Int, parts: [AdapterDirectory.Module?])]
    private let saved: [MergedTensor]
    private let type: SaveType

    /// - Throws: `CheckpointError` or `ModelError` for a model or an adapter that is wrong, or that don't fit; DoRA's deltas
    ///   aren't of low rank and are refused.
    package init(model path: String, adapters: [WeightedAdapter], as type: SaveType, on pool: ThreadPool) throws {
        base = try MergeBase(path, on: pool)
        var plan = AdapterPlan(base)
        for adapter in adapters {
            try plan.add(adapter)
            guard !adapter.directory.config.usesDoRA else {
                throw ModelError.inconsistent(
                    file: adapter.directory.path,
                    reason: "is of DoRA, whose delta has no low rank; merge it into the model (without --as-adapter)")
            }
        }
        let contents = try plan.contents()
        self.adapters = adapters
        self.type = type
        modules = AdapterConcatenation.modules(of: adapters)
        var tensors: [MergedTensor] = []
        var names: Set<String> = []
        for (name, tensor) in adapters.flatMap(\.directory.savedTensors) where names.insert(name).inserted {
            guard case .sum(let terms) = contents[base.storedName(of: name)] else { continue }
            tensors.append(
                MergedTensor(
                    name: AdapterNames.saved(name), shape: tensor.shape, elementType: type.elementType,
                    content: .sum(terms)))
        }
        saved = tensors.sorted { $0.name < $1.name }
        config = AdapterConcatenation.config(of: adapters, modules.map(\.name), model: path)
    }

    private static func modules(
        of adapters: [WeightedAdapter]
    ) -> [(name: String, inputs: Int, outputs: Int, parts: [AdapterDirectory.Module?])] {
        let all = adapters.map { adapter in
            Dictionary(uniqueKeysWithValues: adapter.directory.modules.map { ($0.name, $0) })
        }
        return Set(all.flatMap(\.keys)).sorted().compactMap { name in
            let parts = all.map { $0[name] }
            guard let one = parts.lazy.compactMap(\.self).first else { return nil }
            return (name, one.a.shape[1], one.b.shape[0], parts)
        }
    }

    /// Rank and alpha are the sum of the ranks, so that s = 1: what the adapters are scaled by is in B.
    private static func config(of adapters: [WeightedAdapter], _ modules: [String], model: String) -> AdapterConfig {
        let configs = adapters.map(\.directory.config)
        let rank = configs.reduce(0) { $0 + $1.loraRank }
        let alike = configs.allSatisfy { $0.targets == configs[0].targets }
        var config = AdapterConfig(
            loraRank: rank, loraAlpha: Double(rank),
            targets: alike ? configs[0].targets : AdapterTargets(.named(modules)))
        var seen: Set<String> = []
        config.savedModules = configs.flatMap(\.savedModules).filter { seen.insert($0).inserted }
        config.storesInputsFirst = configs[0].storesInputsFirst
        config.baseModel = configs[0].baseModel ?? model
        config.revision = configs[0].revision
        return config
    }

    /// Writes the adapter into a folder that is there.
    package func write(to directory: String, on pool: ThreadPool) throws {
        let rank = config.loraRank
        var layout: [SafetensorsWriter.Entry] = modules.flatMap { module in
            [
                (AdapterNames.a(module.name), type.elementType, [rank, module.inputs]),
                (AdapterNames.b(module.name), type.elementType, [module.outputs, rank]),
            ]
        }
        layout += saved.map { ($0.name, $0.elementType, $0.shape) }
        try config.write(to: directory)
        var writer = try SafetensorsWriter(
            path: FileSystem.join(directory, AdapterDirectory.weightsName), layout: layout)
        for module in modules {
            try write(module.parts, module.inputs, module.outputs, to: &writer, name: module.name)
        }
        for tensor in saved {
            try tensor.write(to: &writer, owner: base.directory.path, on: pool) {}
            base.directory.releasePages()
        }
        try writer.finish()
    }

    /// A whole, then B whole: a few MiB even in large models.
    private func write(
        _ parts: [AdapterDirectory.Module?], _ inputs: Int, _ outputs: Int, to writer: inout SafetensorsWriter,
        name: String
    ) throws {
        let rank = config.loraRank
        let memory = try Memory(bytes: 4 * rank * max(inputs, outputs))
        let floats = memory.bind(to: Float.self).baseAddress!
        var row = 0
        for (adapter, part) in zip(adapters, parts) {
            let r = adapter.directory.config.loraRank
            part?.a.widen(from: 0, into: floats + row * inputs, count: r * inputs)
            if part == nil { (floats + row * inputs).update(repeating: 0, count: r * inputs) }
            row += r
        }
        try put(floats, rank * inputs, to: &writer, name: name)
        var column = 0
        for (adapter, part) in zip(adapters, parts) {
            let r = adapter.directory.config.loraRank
            let factor = Float(adapter.weight * adapter.directory.config.scaling)
            for output in 0..<outputs {
                let target = floats + output * rank + column
                target.update(repeating: 0, count: r)
                part?.b.widen(from: output * r, into: target, count: r)
                for i in 0..<r { target[i] *= factor }
            }
            column += r
        }
        try put(floats, outputs * rank, to: &writer, name: name)
        for adapter in adapters { adapter.directory.releasePages() }
    }

    private func put(
        _ floats: UnsafeMutablePointer<Float>, _ count: Int, to writer: inout SafetensorsWriter, name: String
    ) throws {
        try MergedTensor.put(
            Matrix(floats, rows: 1, columns: count), of: name, as: type.elementType, into: &writer,
            owner: adapters[0].directory.path)
    }
}
