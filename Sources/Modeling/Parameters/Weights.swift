import Checkpoints
import Glibc
import Kernels
import Storage

/// The values of all trained parameters, as one vector.
package final class Weights: @unchecked Sendable {
    package let table: ParameterTable
    package let values: UnsafeMutablePointer<Float>
    private let memory: Memory

    /// All zeros.
    /// - Throws: `MemoryError`.
    package init(_ table: ParameterTable) throws(MemoryError) {
        self.table = table
        memory = try Memory(bytes: table.count * 4)
        values = memory.bind(to: Float.self).baseAddress!
    }

    package var count: Int { table.count }

    /// The weights of a Hugging Face directory, widened to float32.
    ///
    /// - Parameter generator: draws the head of a reward model that is made of a language model, whose own head is left out.
    /// - Throws: `ModelError` for a tensor that is missing, misshapen, of another type, not finite or not used.
    package convenience init(
        _ directory: ModelDirectory, architecture: Architecture,
        headFrom generator: inout some RandomNumberGenerator, on pool: ThreadPool
    ) throws {
        guard try GroupedFormat.of(directory) == nil else { throw ModelError.quantized(directory: directory.path) }
        let stored = Set(directory.tensorNames)
        try self.init(ParameterTable(architecture, naming: TensorNaming(of: stored, architecture)))
        var unused = stored
        if architecture.isRewardModel { unused.subtract(architecture.family.tensors.heads.map { $0 + ".weight" }) }
        for parameter in table.parameters {
            if architecture.isRewardModel, parameter.name == TensorNames.score + ".weight",
                directory.tensor(parameter.name) == nil
            {
                fill(parameter, deviation: architecture.initializerRange, using: &generator)
                continue
            }
            let tensor = try Weights.check(parameter, in: directory)
            unused.remove(parameter.name)
            try Weights.read(tensor, into: parameter, of: values, from: directory.path, on: pool)
        }
        if let name = table.tiedHeadName, unused.remove(name) != nil, let embedding = table.parameters.first {
            try Weights.requireTied(name, to: embedding.name, in: directory)
        }
        for name in unused.sorted() where !Weights.isBuffer(name) {
            throw ModelError.unusedTensor(directory: directory.path, name: name)
        }
    }

    /// A parameter's stored tensor, of its shape and of a type that can be read.
    /// - Throws: `ModelError`.
    @discardableResult
    package static func check(
        _ parameter: ParameterTable.Parameter, in directory: ModelDirectory
    ) throws(ModelError) -> TensorView {
        try check(parameter, directory.tensor(parameter.name), in: directory.path)
    }

    package static func check(
        _ parameter: ParameterTable.Parameter, _ tensor: TensorView?, in directory: String
    ) throws(ModelError) -> TensorView {
        guard let tensor else {
            throw .missingTensor(directory: directory, name: parameter.name, shape: parameter.shape)
        }
        guard tensor.shape == parameter.shape else {
            throw .wrongShape(
                directory: directory, name: parameter.name, found: tensor.shape, expected: parameter.shape)
        }
        guard [.float32, .float16, .bfloat16].contains(tensor.elementType) else {
            throw .wrongElementType(directory: directory, name: parameter.name, found: tensor.elementType.rawValue)
        }
        return tensor
    }

    /// Tensors that old releases stored though they follow from `config.json`: rotary frequencies and causal masks.
    package static func isBuffer(_ name: String) -> Bool {
        name.hasSuffix("rotary_emb.inv_freq") || name.hasSuffix(".attn.bias") || name.hasSuffix(".masked_bias")
            || name.hasSuffix(".attention.bias")
    }

    /// A head stored beside the embedding that it is said to be must be the same.
    static func requireTied(
        _ name: String, to embedding: String, in directory: ModelDirectory
    ) throws(ModelError) {
        guard let stored = directory.tensor(embedding), let head = directory.tensor(name) else { return }
        guard head.elementType == stored.elementType, head.bytes.elementsEqual(stored.bytes) else {
            throw .untiedHead(directory: directory.path, name: name)
        }
    }

    /// Fresh random weights: normal with the architecture's `initializer_range`, norms one, biases zero.
    package convenience init(
        random architecture: Architecture, using generator: inout some RandomNumberGenerator
    ) throws(MemoryError) {
        try self.init(ParameterTable(architecture))
        for parameter in table.parameters {
            fill(parameter, deviation: architecture.initializerRange, using: &generator)
        }
    }

    /// Fresh adapters, and the modules trained beside them as the base has them.
    /// - Throws: `ModelError`, `MemoryError`.
    package convenience init(
        adapting base: FrozenWeights, _ architecture: Architecture, _ adaptation: Adaptation,
        using generator: inout some RandomNumberGenerator, on pool: ThreadPool
    ) throws {
        let directory = base.directory
        let naming = TensorNaming(of: Set(directory.tensorNames), architecture)
        try self.init(ParameterTable(architecture, naming: naming, training: .adapters(adaptation)))
        let files = Dictionary(uniqueKeysWithValues: table.savedTensors)
        for parameter in table.parameters {
            if let name = files[parameter.name], let tensor = directory.tensor(name) {
                try Weights.read(tensor, into: parameter, of: values, from: directory.path, on: pool)
            } else if case .rowNorms(let matrix) = parameter.fresh {
                Magnitude.norms(base.matrices[matrix], into: values + parameter.range.lowerBound, on: pool)
            } else {
                fill(parameter, deviation: architecture.initializerRange, using: &generator)
            }
        }
    }

    private func fill(
        _ parameter: ParameterTable.Parameter, deviation: Double, using generator: inout some RandomNumberGenerator
    ) {
        for i in parameter.range {
            switch parameter.fresh {
            case .normal: values[i] = Float(Weights.normal(using: &generator) * deviation)
            case .ones: values[i] = 1
            case .zeros, .rowNorms: values[i] = 0
            case .uniform(let inputs):
                let share = 2 * Double(generator.next() >> 11) * 0x1p-53 - 1
                values[i] = Float(share / Double(inputs).squareRoot())
            case .gaussian(let rank): values[i] = Float(Weights.normal(using: &generator) / Double(rank))
            }
        }
    }

    /// Widens a tensor into a parameter's range of a vector.
    static func read(
        _ tensor: TensorView, into parameter: ParameterTable.Parameter, of values: UnsafeMutablePointer<Float>,
        from directory: String, on pool: ThreadPool
    ) throws(ModelError) {
        let pieces = parameter.pieces(of: 1 << 16)
        let columns = parameter.storedColumns
        pool.run(pieces.count) { (item: Int) in
            let rows = pieces[item]
            let start = rows.lowerBound * columns
            if parameter.layout == .same {
                return tensor.widen(
                    from: start, into: values + parameter.range.lowerBound + start, count: rows.count * columns)
            }
            withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * columns) { piece in
                guard let base = piece.baseAddress else { return }
                tensor.widen(from: start, into: base, count: piece.count)
                parameter.put(storedRows: rows, base, into: values)
            }
        }
        guard Conversion.isFinite(values + parameter.range.lowerBound, count: parameter.range.count) else {
            throw .nonFinite(directory: directory, name: parameter.name)
        }
    }

    /// A normally distributed number (Box and Muller 1958).
    private static func normal(using generator: inout some RandomNumberGenerator) -> Double {
        let (u, v) = (Double(generator.next() >> 11) * 0x1p-53, Double(generator.next() >> 11) * 0x1p-53)
        return (-2 * log(1 - u)).squareRoot() * cos(2 * .pi * v)
    }
}
