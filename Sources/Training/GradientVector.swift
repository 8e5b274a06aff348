import Collectives
import Kernels
import Modeling

/// The gradients of all parameters, summed over micro-batches and ranks.
///
/// With `reproducible` every micro-batch is computed into a cleared vector and added to exact integer sums; without it,
/// micro-batches add up in float32.
final class GradientVector {
    let count: Int
    let values: UnsafeMutablePointer<Float>
    private let sums: UnsafeMutablePointer<Int64>?
    private let memory: Memory
    private let sumMemory: Memory?
    private let pool: ThreadPool
    /// The largest magnitudes of this rank's contributions, added up.
    private(set) var bound = 0.0

    /// - Throws: `MemoryError`.
    init(count: Int, reproducible: Bool, on pool: ThreadPool) throws(MemoryError) {
        self.count = count
        self.pool = pool
        memory = try Memory(bytes: 4 * count)
        values = memory.bind(to: Float.self).baseAddress!
        sumMemory = reproducible ? try Memory(bytes: 8 * count) : nil
        sums = sumMemory?.bind(to: Int64.self).baseAddress
    }

    static func bytes(count: Int, reproducible: Bool) -> Int { (reproducible ? 12 : 4) * count }

    /// Forgets the last step's sums.
    func beginStep() {
        bound = 0
        if let sums {
            pool.run((count + 0xFFFF) / 0x10000) { (item: Int) in
                let start = item * 0x10000
                (sums + start).update(repeating: 0, count: min(0x10000, count - start))
            }
        } else {
            GradientSum.clear(values, count: count, on: pool)
        }
    }

    /// Adds what `backward` adds into the vector it is given.
    func add(_ backward: (UnsafeMutablePointer<Float>) -> Void) {
        guard let sums else { return backward(values) }
        GradientSum.clear(values, count: count, on: pool)
        backward(values)
        bound += ExactSum.add(values, to: sums, count: count, on: pool)
    }

    /// `values` = the sum over all ranks. Collective.
    func reduce(over communicator: Communicator) {
        guard let sums else { return communicator.sum(UnsafeMutableBufferPointer(start: values, count: count)) }
        communicator.sum(UnsafeMutableBufferPointer(start: sums, count: count))
        ExactSum.store(sums, into: values, count: count, on: pool)
    }
}
