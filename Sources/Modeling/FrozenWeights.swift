import Checkpoints
import Kernels

/// The weights of a model that isn't trained, as they lie in its files: mapped, shared by all processes of a node, and
/// widened to float32 tile by tile where a product needs them. Norms and biases are copied.
public final class FrozenWeights: @unchecked Sendable {
    public let directory: ModelDirectory
    /// Bytes of this process's own copies.
    public let ownBytes: Int
    /// Bytes of the files that are mapped.
    public let mappedBytes: Int
    let matrices: UnsafeMutablePointer<StoredMatrix>
    let vectors: UnsafeMutablePointer<Float>
    private let matrixCount: Int
    private let memory: Memory

    /// - Throws: `ModelError` for a tensor that is missing, misshapen, of another type or not used; `MemoryError`.
    public init(_ directory: ModelDirectory, architecture: Architecture, on pool: ThreadPool) throws {
        self.directory = directory
        let stored = Set(directory.tensorNames)
        let table = ParameterTable(
            architecture, naming: TensorNaming(of: stored, architecture), training: .nothing)
        memory = try Memory(bytes: 4 * table.frozenCount)
        vectors = memory.bind(to: Float.self).baseAddress!
        var unused = stored
        for parameter in table.frozenVectors {
            try Weights.read(
                Weights.check(parameter, in: directory), into: parameter, of: vectors, from: directory.path, on: pool)
            unused.remove(parameter.name)
        }
        var read: [StoredMatrix] = []
        var known: [String: StoredMatrix] = [:]
        for matrix in table.frozenMatrices {
            let parts = try matrix.tensors.map { tensor in
                unused.remove(tensor.name)
                let part = try known[tensor.name] ?? FrozenWeights.matrix(tensor, of: directory)
                known[tensor.name] = part
                return part
            }
            let whole = parts.count == 1 ? parts[0] : StoredMatrix(stacking: parts)
            read.append(matrix.rows.map { whole.rows($0) } ?? whole)
        }
        matrixCount = read.count
        matrices = UnsafeMutablePointer.allocate(capacity: max(1, matrixCount))
        matrices.initialize(from: read, count: matrixCount)
        ownBytes = 4 * table.frozenCount
        mappedBytes = stored.reduce(0) { $0 + (directory.tensor($1)?.bytes.count ?? 0) }
        if let name = table.tiedHeadName, unused.remove(name) != nil {
            guard case .frozen(let number) = table.embedding,
                let embedding = table.frozenMatrices[number].tensors.first
            else { return }
            try Weights.requireTied(name, to: embedding.name, in: directory)
        }
        for name in unused.sorted() where !Weights.isBuffer(name) {
            throw ModelError.unusedTensor(directory: directory.path, name: name)
        }
    }

    deinit {
        matrices.deinitialize(count: matrixCount)
        matrices.deallocate()
    }

    /// A tensor where it lies.
    private static func matrix(
        _ parameter: ParameterTable.Parameter, of directory: ModelDirectory
    ) throws(ModelError) -> StoredMatrix {
        let tensor = try Weights.check(parameter, in: directory)
        guard let base = tensor.bytes.baseAddress else {
            throw .missingTensor(directory: directory.path, name: parameter.name, shape: parameter.shape)
        }
        let isTransposed = parameter.layout == .transposed
        let (rows, columns) =
            isTransposed ? (parameter.shape[1], parameter.shape[0]) : (parameter.shape[0], parameter.shape[1])
        let matrix: StoredMatrix =
            switch tensor.elementType {
            case .bfloat16: .bfloat16(base, rows: rows, columns: columns, transposed: isTransposed)
            case .float16: .float16(base, rows: rows, columns: columns, transposed: isTransposed)
            default: .float32(base, rows: rows, columns: columns, transposed: isTransposed)
            }
        guard case .byHead(let heads, let parts) = parameter.layout else { return matrix }
        return matrix.partByPart(heads: heads, parts: parts)
    }
}
