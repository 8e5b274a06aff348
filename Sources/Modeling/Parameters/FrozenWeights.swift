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
    /// The matrices of linear maps.
    private let multiplied: [Int]
    /// Copies of them for decoding.
    private var packed: Memory?

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
        let embeddings = [table.embedding, table.positions ?? table.embedding].filter { $0 != table.head }
        multiplied = read.indices.filter { !embeddings.contains(.frozen($0)) }
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

    /// Puts copies in the place of the linear maps' matrices, in huge pages and in the order in which decoding reads them.
    /// Nothing changes but time and memory; nobody may compute meanwhile.
    ///
    /// - Parameter room: bytes that the copies may take; if they would take more, all stays as it is.
    /// - Returns: the bytes of the copies; nil if none were made, or had been made before.
    /// - Throws: `MemoryError`.
    package func packForDecoding(within room: Int, on pool: ThreadPool) throws(MemoryError) -> Int? {
        guard packed == nil, pool.arithmetic == .float32 else { return nil }
        let sizes = multiplied.map { matrices[$0].packedBytes(on: pool).map { ($0 + 63) / 64 * 64 } }
        let bytes = sizes.reduce(0) { $0 + ($1 ?? 0) }
        guard bytes > 0, bytes <= room else { return nil }
        let memory = try Memory(bytes: bytes, touchedBy: pool)
        guard var place = UnsafeMutableRawPointer(memory.bind(to: Float.self).baseAddress) else { return nil }
        for (number, size) in zip(multiplied, sizes) {
            guard let size else { continue }
            matrices[number] = matrices[number].packed(into: place, on: pool)
            place += size
        }
        packed = memory
        directory.releasePages()
        return bytes
    }

    deinit {
        matrices.deinitialize(count: matrixCount)
        matrices.deallocate()
    }
}
