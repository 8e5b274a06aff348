import Checkpoints
import Kernels
import Modeling
import Storage

/// The plain adapter that one for any weights of several objectives is at some of them: A's parts with a weight other than 0,
/// and B's, each times its weight.
package struct AdapterExport {
    private let source: AdapterDirectory
    private let config: AdapterConfig
    /// The numbers of the parts that stay, with their weights; the last, which all weights share, has 1.
    private let parts: [(number: Int, weight: Double)]
    private let type: SaveType

    /// - Parameter weights: of all the adapter's objectives by name.
    /// - Throws: `ModelError` for a plain adapter, or weights of others than its objectives.
    package init(_ source: AdapterDirectory, weights: [(name: String, weight: Double)], as type: SaveType) throws(ModelError) {
        let objectives = source.config.objectives
        func refusal(_ reason: String) -> ModelError { .inconsistent(file: source.path, reason: reason) }
        guard !objectives.isEmpty else { throw refusal("is a plain adapter, which has no weights to choose") }
        if let other = weights.first(where: { !objectives.contains($0.name) }) {
            throw refusal("has no part for \(other.name); those are \(objectives.joined(separator: ", "))")
        }
        var parts: [(number: Int, weight: Double)] = []
        for (number, objective) in objectives.enumerated() {
            let given = weights.filter { $0.name == objective }
            guard given.count == 1, let weight = given.first?.weight else {
                throw refusal("needs one weight for \(objective), also where it is 0; \(given.count) are given")
            }
            if weight != 0 { parts.append((number, weight)) }
        }
        self.parts = parts + [(objectives.count, 1)]
        (self.source, self.type) = (source, type)
        config = source.config.keeping(parts: self.parts.count)
    }

    /// Writes the adapter into a folder that is there.
    /// - Throws: `CheckpointError`, `ModelError` or `MemoryError`.
    package func write(to directory: String, on pool: ThreadPool) throws {
        let rank = config.loraRank
        let width = rank / parts.count
        let whole = source.config.loraRank
        var layout: [SafetensorsWriter.Entry] = source.modules.flatMap { module in
            [
                (AdapterNames.a(module.name), type.elementType, [rank, module.a.shape[1]]),
                (AdapterNames.b(module.name), type.elementType, [module.b.shape[0], rank]),
            ]
        }
        let saved = source.savedTensors.map { name, tensor in
            MergedTensor(
                name: AdapterNames.saved(name), shape: tensor.shape, elementType: type.elementType,
                content: .sum([(1, MergeBase.Source(tensor))]))
        }
        layout += saved.map { ($0.name, $0.elementType, $0.shape) }
        try config.write(to: directory)
        var writer = try SafetensorsWriter(
            path: FileSystem.join(directory, AdapterDirectory.weightsName), layout: layout)
        for module in source.modules {
            let (inputs, outputs) = (module.a.shape[1], module.b.shape[0])
            let memory = try Memory(bytes: 4 * rank * max(inputs, outputs))
            let floats = memory.bind(to: Float.self).baseAddress!
            for (place, part) in parts.enumerated() {
                module.a.widen(
                    from: part.number * width * inputs, into: floats + place * width * inputs, count: width * inputs)
            }
            try put(floats, rank * inputs, to: &writer, name: module.name)
            for output in 0..<outputs {
                for (place, part) in parts.enumerated() {
                    let target = floats + output * rank + place * width
                    module.b.widen(from: output * whole + part.number * width, into: target, count: width)
                    for i in 0..<width { target[i] *= Float(part.weight) }
                }
            }
            try put(floats, outputs * rank, to: &writer, name: module.name)
            source.releasePages()
        }
        for tensor in saved { try tensor.write(to: &writer, owner: source.path, on: pool) {} }
        _ = try writer.finish()
    }

    private func put(
        _ floats: UnsafeMutablePointer<Float>, _ count: Int, to writer: inout SafetensorsWriter, name: String
    ) throws {
        try MergedTensor.put(
            Matrix(floats, rows: 1, columns: count), of: name, as: type.elementType, into: &writer, owner: source.path)
    }
}
