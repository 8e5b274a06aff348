import Collectives
import Kernels

/// A copy of the trained vector and of the whole optimizer's state after a step, on rank 0. A checkpoint is written from it
/// while the next steps change the originals.
final class Snapshot: @unchecked Sendable {
    let values: UnsafeMutablePointer<Float>
    /// One array for each part of the state.
    let state: [UnsafeMutableRawBufferPointer]
    private let count: Int
    private let memory: Memory
    private let pool: ThreadPool

    /// - Throws: `MemoryError`.
    init(of state: OptimizerState, on pool: ThreadPool) throws(MemoryError) {
        count = state.count
        self.pool = pool
        memory = try Memory(bytes: Snapshot.bytes(of: state), touchedBy: pool)
        values = memory.bind(to: Float.self).baseAddress!
        var rest = UnsafeMutableRawPointer(values + state.count)
        self.state = state.parts.map { part in
            let bytes = part.elementType.size * state.count(of: part)
            defer { rest += bytes }
            return UnsafeMutableRawBufferPointer(start: rest, count: bytes)
        }
    }

    static func bytes(of state: OptimizerState) -> Int { 4 * state.count + state.bytes(of: 0..<state.count) }

    /// Copies the originals; only rank 0 has a snapshot. Collective.
    static func take(
        into snapshot: Snapshot?, values: UnsafePointer<Float>, optimizer: Optimizer, over communicator: Communicator
    ) {
        if let snapshot {
            snapshot.copy(UnsafeRawBufferPointer(start: values, count: 4 * snapshot.count), to: snapshot.values)
        }
        var filled = [Int](repeating: 0, count: optimizer.state.parts.count)
        optimizer.collect(over: communicator) { part, bytes in
            guard let snapshot else { return }
            snapshot.copy(bytes, to: snapshot.state[part].baseAddress! + filled[part])
            filled[part] += bytes.count
        }
    }

    private func copy(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
        let piece = 1 << 20
        pool.run((source.count + piece - 1) / piece) { item in
            let start = item * piece
            (target + start).copyMemory(
                from: source.baseAddress! + start, byteCount: min(piece, source.count - start))
        }
    }
}
