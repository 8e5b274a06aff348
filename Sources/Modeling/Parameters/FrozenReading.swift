import Checkpoints
import Kernels
import Storage

/// Reads a directory's matrices as they are to stay: as the files store them, floats or GPTQ's integers, or quantised when
/// they are first read.
///
/// Matrices lie in files that this keeps mapped: whoever uses them keeps it.
package final class FrozenReading: Sendable {
    package let directory: ModelDirectory
    private let grouped: GroupedFormat?
    private let cache: QuantizedCache?

    /// - Parameters:
    ///   - linear: the blocks' matrices: what `quantization` is for. (Embeddings, head and norms never are.)
    ///   - folder: where quantised matrices are kept between runs; needed for a quantisation only. The first run fills it,
    ///     so of ranks that share it one goes first.
    ///   - digest: the directory's `contentDigest()`, if it is known already.
    /// - Throws: `ModelError` for weights that are quantised in a way that isn't implemented, or twice, or not finite;
    ///   `CheckpointError` for files that can't be read or written; `MemoryError`.
    package init(
        _ directory: ModelDirectory, quantization: BaseQuantization = .none, linear: [ParameterTable.Parameter] = [],
        folder: String? = nil, digest: Digest.Value? = nil, on pool: ThreadPool
    ) throws {
        self.directory = directory
        grouped = try GroupedFormat.of(directory)
        guard quantization != .none else {
            cache = nil
            return
        }
        guard grouped == nil else {
            throw ModelError.quantizedTwice(directory: directory.path, quantization: quantization.key)
        }
        guard let folder else { throw ModelError.noCache(quantization: quantization.key) }
        cache = try QuantizedCache(
            directory, quantization, linear, folder: folder, digest: digest ?? directory.contentDigest(), on: pool)
    }

    /// Bytes of the files that matrices lie in.
    package var mappedBytes: Int {
        guard let cache else {
            return directory.tensorNames.reduce(0) { $0 + (directory.tensor($1)?.bytes.count ?? 0) }
        }
        let floats = directory.tensorNames.filter { !cache.holds($0) }
        return cache.bytes + floats.reduce(0) { $0 + (directory.tensor($1)?.bytes.count ?? 0) }
    }

    /// Whether the files hold quantised matrices.
    package var isGrouped: Bool { grouped != nil }

    /// A matrix of the model, of the shape that its parameter says.
    /// - Throws: `ModelError` for tensors that are missing, misshapen, of another type or not finite.
    package func matrix(of parameter: ParameterTable.Parameter, on pool: ThreadPool) throws(ModelError) -> StoredMatrix
    {
        let (outputs, inputs) = parameter.matrixShape
        let matrix: StoredMatrix
        if let quantized = cache?.matrix(of: parameter) {
            matrix = quantized
        } else if let grouped, directory.tensor("\(parameter.module).qweight") != nil {
            matrix = try grouped.matrix(
                parameter.module, outputs: outputs, inputs: inputs, in: directory, on: pool)
        } else {
            matrix = try FrozenReading.stored(parameter, in: directory)
            guard matrix.isFinite(on: pool) else {
                throw .nonFinite(directory: directory.path, name: parameter.name)
            }
        }
        guard case .byHead(let heads, let parts) = parameter.layout else { return matrix }
        return matrix.partByPart(heads: heads, parts: parts)
    }

    /// The tensors that `matrix(of:)` reads, for the account of tensors that nobody does. GPTQ's tools add biases of zeros
    /// to modules that have none; they count as read.
    package func tensors(of parameter: ParameterTable.Parameter) -> [String] {
        guard grouped != nil, directory.tensor("\(parameter.module).qweight") != nil else { return [parameter.name] }
        var names = GroupedFormat.tensors.map { "\(parameter.module).\($0)" }
        if let bias = directory.tensor("\(parameter.module).bias"), bias.bytes.allSatisfy({ $0 == 0 }) {
            names.append(bias.name)
        }
        return names.filter { directory.tensor($0) != nil }
    }

    /// A float tensor's matrix, its rows in the file's order.
    static func stored(
        _ parameter: ParameterTable.Parameter, in directory: ModelDirectory
    ) throws(ModelError) -> StoredMatrix {
        let tensor = try Weights.check(parameter, in: directory)
        let (outputs, inputs) = parameter.matrixShape
        let transposed = parameter.layout == .transposed
        guard let base = tensor.bytes.baseAddress else {
            throw .missingTensor(directory: directory.path, name: parameter.name, shape: parameter.shape)
        }
        return switch tensor.elementType {
        case .bfloat16: .bfloat16(base, rows: outputs, columns: inputs, transposed: transposed)
        case .float16: .float16(base, rows: outputs, columns: inputs, transposed: transposed)
        default: .float32(base, rows: outputs, columns: inputs, transposed: transposed)
        }
    }
}

extension ParameterTable.Parameter {
    /// The name without its last part.
    var module: String { name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name }

    /// Outputs and inputs, however the file has them.
    var matrixShape: (outputs: Int, inputs: Int) {
        layout == .transposed ? (shape[1], shape[0]) : (shape[0], shape[1])
    }
}
