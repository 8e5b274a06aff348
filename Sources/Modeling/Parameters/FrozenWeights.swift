import Checkpoints
import Kernels
import Storage

/// The weights of a model that isn't trained, as they lie in files. They are floats, or numbers of few bits; mapped, shared
/// by all processes of a node, and widened to float32 tile by tile where a product needs them. Norms and biases are copied.
package final class FrozenWeights: @unchecked Sendable {
    package let directory: ModelDirectory
    private let reading: FrozenReading
    /// Bytes of this process's own copies.
    package let ownBytes: Int
    /// Bytes of the files that are mapped.
    package let mappedBytes: Int
    let matrices: UnsafeMutablePointer<StoredMatrix>
    let vectors: UnsafeMutablePointer<Float>
    private let matrixCount: Int
    private let memory: Memory

    /// - Parameters: see `FrozenReading`.
    /// - Throws: `ModelError` for a tensor that is missing, misshapen, of another type or not used; `CheckpointError`;
    ///   `MemoryError`.
    package init(
        _ directory: ModelDirectory, architecture: Architecture, quantization: BaseQuantization = .none,
        folder: String? = nil, digest: Digest.Value? = nil, on pool: ThreadPool
    ) throws {
        self.directory = directory
        let stored = Set(directory.tensorNames)
        let table = ParameterTable(
            architecture, naming: TensorNaming(of: stored, architecture), training: .nothing)
        let reading = try FrozenReading(
            directory, quantization: quantization, linear: table.linearTensors, folder: folder, digest: digest,
            on: pool)
        self.reading = reading
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
            for name in reading.tensors(of: matrix.tensor) { unused.remove(name) }
            let whole = try known[matrix.tensor.name] ?? reading.matrix(of: matrix.tensor, on: pool)
            known[matrix.tensor.name] = whole
            read.append(matrix.rows.map { whole.rows($0) } ?? whole)
        }
        matrixCount = read.count
        matrices = UnsafeMutablePointer.allocate(capacity: max(1, matrixCount))
        matrices.initialize(from: read, count: matrixCount)
        ownBytes = 4 * table.frozenCount
        mappedBytes = reading.mappedBytes
        if let name = table.tiedHeadName, unused.remove(name) != nil {
            guard case .frozen(let number) = table.embedding else { return }
            try Weights.requireTied(name, to: table.frozenMatrices[number].tensor.name, in: directory)
        }
        for name in unused.sorted() where !Weights.isBuffer(name) {
            throw ModelError.unusedTensor(directory: directory.path, name: name)
        }
    }

    deinit {
        matrices.deinitialize(count: matrixCount)
        matrices.deallocate()
    }
}
