import Collectives
import Glibc
import Kernels
import Modeling

/// The gradients of all parameters, summed over micro-batches and ranks.
///
/// With `reproducible` every micro-batch is computed into a cleared vector and added to exact integer sums; without it,
/// micro-batches add up in float32. Whoever reads a sum leaves zeros, so at the beginning of a step all is zero.
final class GradientVector {
    let count: Int
    let values: UnsafeMutablePointer<Float>
    private let sums: UnsafeMutablePointer<Int64>?
    /// What isn't in the node's shared memory.
    private let memories: [Memory]
    private let wire: Communicator.WireFormat
    private let pool: ThreadPool
    /// The largest magnitudes of this rank's contributions to the step, added up.
    private(set) var bound = 0.0

    /// What is reduced lies in memory that the ranks of a node share, if there is enough of it. Collective.
    ///
    /// - Parameter wire: how gradients travel between nodes; exact sums travel as they are.
    /// - Throws: `MemoryError`, on every rank alike.
    init(
        count: Int, reproducible: Bool, wire: Communicator.WireFormat, over communicator: Communicator,
        on pool: ThreadPool
    ) throws {
        self.count = count
        self.pool = pool
        self.wire = wire
        let sumBytes = reproducible ? 8 * count : 0
        let shared = communicator.sharedMemory(bytes: reproducible ? sumBytes : 4 * count)
        let own = try communicator.agree(status: { _ in 4 }) {
            (
                values: reproducible || shared == nil ? try Memory(bytes: 4 * count, touchedBy: pool) : nil,
                sums: reproducible && shared == nil ? try Memory(bytes: sumBytes, touchedBy: pool) : nil
            )
        }
        memories = [own.values, own.sums].compactMap { $0 }
        if let shared { Memory.touch(shared, bytes: reproducible ? sumBytes : 4 * count, on: pool) }
        let values = own.values?.bind(to: Float.self).baseAddress ?? shared?.bindMemory(to: Float.self, capacity: count)
        self.values = values!
        sums =
            reproducible
            ? own.sums?.bind(to: Int64.self).baseAddress ?? shared?.bindMemory(to: Int64.self, capacity: count) : nil
    }

    static func bytes(count: Int, reproducible: Bool) -> Int { (reproducible ? 12 : 4) * count }

    /// Adds what `backward` adds into the vector it is given.
    func add(_ backward: (UnsafeMutablePointer<Float>) -> Void) {
        guard let sums else { return backward(values) }
        backward(values)
        bound += ExactSum.add(values, to: sums, count: count, on: pool)
    }

    /// `values` = the sum over all ranks. The optimizer's update takes it, and leaves zeros. Collective.
    func reduce(over communicator: Communicator) {
        guard let sums else {
            return communicator.sum(UnsafeMutableBufferPointer(start: values, count: count), wire: wire)
        }
        communicator.sum(UnsafeMutableBufferPointer(start: sums, count: count))
        ExactSum.store(sums, into: values, count: count, on: pool)
        bound = 0
    }

    /// The same in this rank's share only; elsewhere `values` become zeros. Collective.
    func reduce(over communicator: Communicator, toOwnersOf shares: Shares) {
        guard shares.ranks > 1 else { return reduce(over: communicator) }
        let share = shares[communicator.rank]
        if let sums {
            communicator.sum(UnsafeMutableBufferPointer(start: sums, count: count), toOwnersOf: shares)
            ExactSum.store(sums + share.lowerBound, into: values + share.lowerBound, count: share.count, on: pool)
            clear(UnsafeMutableRawPointer(sums), 8, outside: share)
            bound = 0
        } else {
            communicator.sum(
                UnsafeMutableBufferPointer(start: values, count: count), toOwnersOf: shares, wire: wire)
            clear(outside: share)
        }
    }

    /// Zeros in the `values` of the other ranks' shares.
    func clear(outside share: Range<Int>) { clear(UnsafeMutableRawPointer(values), 4, outside: share) }

    private func clear(_ vector: UnsafeMutableRawPointer, _ size: Int, outside share: Range<Int>) {
        for range in [0..<share.lowerBound, share.upperBound..<count] {
            let (bytes, piece) = (size * range.count, 1 << 20)
            pool.run((bytes + piece - 1) / piece) { item in
                let start = item * piece
                memset(vector + size * range.lowerBound + start, 0, min(piece, bytes - start))
            }
        }
    }
}
