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
        try self.init(ParameterTable(architecture))
        var unused = Set(directory.tensorNames)
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
        // Tied checkpoints may store the head a second time, and old Llama ones the rotary frequencies.
        for name in unused.sorted()
        where !(architecture.tiedHead && name == "lm_head.weight") && !name.hasSuffix("rotary_emb.inv_freq") {
            throw ModelError.unusedTensor(directory: directory.path, name: name)
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
        let piece = 1 << 16
        let count = parameter.range.count
        let target = values + parameter.range.lowerBound
        let source = tensor.bytes.baseAddress!
        let widen: (UnsafeRawPointer, UnsafeMutablePointer<Float>, Int) -> Void
        switch tensor.elementType {
        case .float32: widen = { UnsafeMutableRawPointer($1).copyMemory(from: $0, byteCount: 4 * $2) }
        case .float16: widen = { Conversion.fromFloat16($0, into: $1, count: $2) }
        case .bfloat16: widen = { Conversion.fromBFloat16($0, into: $1, count: $2) }
        default:
            throw .wrongElementType(directory: directory.path, name: parameter.name, found: tensor.elementType.rawValue)
        }
        pool.run((count + piece - 1) / piece) { (item: Int) in
            let start = item * piece
            widen(source + start * tensor.elementType.size, target + start, min(piece, count - start))
        }
        guard Conversion.isFinite(target, count: count) else {
            throw .nonFinite(directory: directory.path, name: parameter.name)
        }
    }

    /// A normally distributed number (Box and Muller 1958).
    private static func normal(using generator: inout some RandomNumberGenerator) -> Double {
        let (u, v) = (Double(generator.next() >> 11) * 0x1p-53, Double(generator.next() >> 11) * 0x1p-53)
        return (-2 * log(1 - u)).squareRoot() * cos(2 * .pi * v)
    }
}
