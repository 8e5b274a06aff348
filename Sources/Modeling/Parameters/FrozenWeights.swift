import Checkpoints
import Kernels
import Storage

/// The weights of a model that isn't trained, as they lie in files. They are floats, or numbers of few bits; mapped, shared
/// by all processes of a node, and widened to float32 tile by tile where a product needs them. Norms and biases are copied, and
/// matrices too where many tokens are to be decoded.
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

    /// Bytes of the copies that `packForDecoding` would make; 0 where it would make none, or has made them.
    package func bytesToPack(on pool: ThreadPool) -> Int {
        guard packed == nil, pool.arithmetic == .float32 else { return 0 }
        return multiplied.reduce(0) { $0 + packedBytes(of: $1, on: pool) }
    }

    /// Puts copies in the place of the linear maps' matrices, in huge pages and in the order in which decoding reads them.
    /// Nothing changes but time and memory; nobody may compute meanwhile. If the operating system refuses the memory, all
    /// stays as it is.
    package func packForDecoding(on pool: ThreadPool) {
        let bytes = bytesToPack(on: pool)
        guard bytes > 0, let memory = try? Memory(bytes: bytes, touchedBy: pool),
            var place = UnsafeMutableRawPointer(memory.bind(to: Float.self).baseAddress)
        else { return }
        for number in multiplied {
            let size = packedBytes(of: number, on: pool)
            if size > 0 { matrices[number] = matrices[number].packed(into: place, on: pool) }
            place += size
        }
        packed = memory
        directory.releasePages()
    }

    /// Bytes of a matrix's copy, in whole lines of the cache; 0 where it stays as it is.
    private func packedBytes(of number: Int, on pool: ThreadPool) -> Int {
        ((matrices[number].packedBytes(on: pool) ?? 0) + 63) / 64 * 64
    }

    deinit {
        matrices.deinitialize(count: matrixCount)
        matrices.deallocate()
    }
}
