import Checkpoints
import Glibc
import Kernels
import Storage

/// The values of all parameters, as one vector.
public final class Weights: @unchecked Sendable {
    public let table: ParameterTable
    public let values: UnsafeMutablePointer<Float>
    private let memory: Memory

    /// All zeros.
    /// - Throws: `MemoryError`.
    public init(_ table: ParameterTable) throws(MemoryError) {
        self.table = table
        memory = try Memory(bytes: table.count * 4)
        values = memory.bind(to: Float.self).baseAddress!
    }

    public var count: Int { table.count }

    /// The weights of a Hugging Face directory, widened to float32.
    ///
    /// - Throws: `ModelError` for a tensor that is missing, misshapen, of another type, not finite or not used.
    public convenience init(_ directory: ModelDirectory, architecture: Architecture, on pool: ThreadPool) throws {
        let stored = Set(directory.tensorNames)
        try self.init(ParameterTable(architecture, naming: TensorNaming(of: stored, architecture)))
        var unused = stored
        for parameter in table.parameters {
            guard let tensor = directory.tensor(parameter.name) else {
                throw ModelError.missingTensor(directory: directory.path, name: parameter.name, shape: parameter.shape)
            }
            unused.remove(parameter.name)
            guard tensor.shape == parameter.shape else {
                throw ModelError.wrongShape(
                    directory: directory.path, name: parameter.name, found: tensor.shape, expected: parameter.shape)
            }
            try read(tensor, into: parameter, of: directory, on: pool)
        }
        if let name = table.tiedHeadName, unused.remove(name) != nil {
            try requireTied(name, in: directory)
        }
        for name in unused.sorted() where !Weights.isBuffer(name) {
            throw ModelError.unusedTensor(directory: directory.path, name: name)
        }
    }

    /// Tensors that old releases stored though they follow from `config.json`: rotary frequencies and causal masks.
    static func isBuffer(_ name: String) -> Bool {
        name.hasSuffix("rotary_emb.inv_freq") || name.hasSuffix(".attn.bias") || name.hasSuffix(".masked_bias")
            || name.hasSuffix(".attention.bias")
    }

    /// A head stored beside the embedding that it is said to be must be the same.
    private func requireTied(_ name: String, in directory: ModelDirectory) throws(ModelError) {
        guard let embedding = table.parameters.first(where: { $0.range.lowerBound == table.embedding }),
            let stored = directory.tensor(embedding.name), let head = directory.tensor(name)
        else { return }
        guard head.elementType == stored.elementType, head.bytes.elementsEqual(stored.bytes) else {
            throw .untiedHead(directory: directory.path, name: name)
        }
    }

    /// Fresh random weights: normal with the architecture's `initializer_range`, norms one, biases zero.
    public convenience init(
        random architecture: Architecture, using generator: inout some RandomNumberGenerator
    ) throws(MemoryError) {
        try self.init(ParameterTable(architecture))
        for parameter in table.parameters {
            for i in parameter.range {
                switch parameter.fresh {
                case .normal: values[i] = Float(Weights.normal(using: &generator) * architecture.initializerRange)
                case .ones: values[i] = 1
                case .zeros: values[i] = 0
                }
            }
        }
    }

    private func read(
        _ tensor: TensorView, into parameter: ParameterTable.Parameter, of directory: ModelDirectory,
        on pool: ThreadPool
    ) throws(ModelError) {
        let source = tensor.bytes.baseAddress!
        let widen: (UnsafeRawPointer, UnsafeMutablePointer<Float>, Int) -> Void
        switch tensor.elementType {
        case .float32: widen = { UnsafeMutableRawPointer($1).copyMemory(from: $0, byteCount: 4 * $2) }
        case .float16: widen = { Conversion.fromFloat16($0, into: $1, count: $2) }
        case .bfloat16: widen = { Conversion.fromBFloat16($0, into: $1, count: $2) }
        default:
            throw .wrongElementType(directory: directory.path, name: parameter.name, found: tensor.elementType.rawValue)
        }
        let pieces = parameter.pieces(of: 1 << 16)
        let columns = parameter.storedColumns
        pool.run(pieces.count) { (item: Int) in
            let rows = pieces[item]
            let start = source + rows.lowerBound * columns * tensor.elementType.size
            if parameter.layout == .same {
                return widen(
                    start, values + parameter.range.lowerBound + rows.lowerBound * columns, rows.count * columns)
            }
            withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * columns) { piece in
                widen(start, piece.baseAddress!, piece.count)
                parameter.put(storedRows: rows, piece.baseAddress!, into: values)
            }
        }
        guard Conversion.isFinite(values + parameter.range.lowerBound, count: parameter.range.count) else {
            throw .nonFinite(directory: directory.path, name: parameter.name)
        }
    }

    /// A normally distributed number (Box and Muller 1958).
    private static func normal(using generator: inout some RandomNumberGenerator) -> Double {
        let (u, v) = (Double(generator.next() >> 11) * 0x1p-53, Double(generator.next() >> 11) * 0x1p-53)
        return (-2 * log(1 - u)).squareRoot() * cos(2 * .pi * v)
    }
}
