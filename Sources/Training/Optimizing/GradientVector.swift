import Collectives
import Glibc
import Kernels
import Modeling
import RunFiles

/// The gradients of all parameters, summed over micro-batches and ranks.
///
/// With `reproducible` every micro-batch is computed into a cleared vector and added to exact integer sums; without it,
/// micro-batches add up in float32. Whoever reads a sum leaves zeros, so at the beginning of a step all is zero.
package final class GradientVector {
    package let count: Int
    package let values: UnsafeMutablePointer<Float>
    private let sums: UnsafeMutablePointer<Int64>?
    /// The arrays that aren't in the node's shared memory.
    private let memories: [Memory]
    private let wire: Communicator.WireFormat
    private let pool: ThreadPool
    /// Sums over ranks what is complete, while the rest is still being computed; nil: all is summed at the end of a step.
    private var background: BackgroundSum?
    /// The largest magnitudes of this rank's contributions to the step, added up.
    private(set) var bound = 0.0

    /// Puts what is reduced into memory that the ranks of a node share, if there is enough of it. Collective.
    ///
    /// - Parameters:
    ///   - wire: how gradients travel between nodes; exact sums travel as they are.
    ///   - buckets: to be summed in the background, in this order; nil: all at the end of a step.
    /// - Throws: `MemoryError`, on every rank alike.
    package init(
        count: Int, reproducible: Bool, wire: Communicator.WireFormat, inBackground buckets: [Range<Int>]?,
        over communicator: Communicator, on pool: ThreadPool
    ) throws {
        self.count = count
        self.pool = pool
        self.wire = wire
        let sumBytes = reproducible ? 8 * count : 0
        let shared = communicator.sharedMemory(bytes: reproducible ? sumBytes : 4 * count)
        let own = try communicator.failingTogether(status: { _ in 4 }) {
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
        background = buckets.map { buckets in
            BackgroundSum(of: buckets) { [unowned self] in sum($0, over: communicator) }
        }
    }

    static func bytes(count: Int, reproducible: Bool) -> Int { (reproducible ? 12 : 4) * count }

    /// The bytes of an element that are summed over ranks.
    package static func summedBytes(reproducible: Bool) -> Int { reproducible ? 8 : 4 }

    /// Whether sums over ranks may be under way before `reduce`: until it has returned nothing else may be said to them.
    var sumsInBackground: Bool { background != nil }

    // MARK: - Of one rank

    /// Adds what `backward` adds into the vector it is given.
    ///
    /// - Parameters:
    ///   - isLast: nothing is added in this step after it.
    ///   - backward: tells, if asked to, from which element on it is done.
    package func add(
        isLast: Bool, _ backward: (_ values: UnsafeMutablePointer<Float>, _ completed: ((Int) -> Void)?) -> Void
    ) {
        var (border, peak) = (count, 0.0)
        func take(from start: Int) {
            peak = max(peak, addExactly(start..<border))
            border = start
        }
        if let background, isLast {
            backward(values) { start in
                take(from: start)
                background.release(from: start)
            }
        } else {
            backward(values, nil)
        }
        take(from: 0)
        bound += peak
    }

    /// A micro-batch's gradients to the exact sums, if there are any; returns their largest magnitude.
    private func addExactly(_ range: Range<Int>) -> Double {
        guard let sums else { return 0 }
        return ExactSum.add(values + range.lowerBound, to: sums + range.lowerBound, count: range.count, on: pool)
    }

    /// Nothing is added in this step any more, on a rank that may have added nothing at all.
    package func close() { background?.release(from: 0) }

    // MARK: - Of all ranks

    /// `values` = the sum over all ranks. The optimizer's update takes it, and leaves zeros. Collective.
    package func reduce(over communicator: Communicator) {
        if let background { background.wait() } else { sum(0..<count, over: communicator) }
        if let sums { ExactSum.store(sums, into: values, count: count, on: pool) }
        bound = 0
    }

    /// A range of what is summed over ranks. Collective.
    private func sum(_ range: Range<Int>, over communicator: Communicator) {
        if let sums {
            communicator.sum(UnsafeMutableBufferPointer(start: sums + range.lowerBound, count: range.count))
        } else {
            communicator.sum(
                UnsafeMutableBufferPointer(start: values + range.lowerBound, count: range.count), wire: wire)
        }
    }

    /// The same in this rank's share only; elsewhere `values` become zeros. Collective.
    package func reduce(over communicator: Communicator, toOwnersOf shares: Shards) {
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

extension Communicator.WireFormat {
    init(_ format: GradientFormat) {
        switch format {
        case .float32: self = .float32
        case .bfloat16: self = .bfloat16
        }
    }
}
