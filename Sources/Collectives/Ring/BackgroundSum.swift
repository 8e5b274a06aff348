import Machine

/// Sums a vector over the ranks while it is still being computed, bucket by bucket from its end to its beginning.
///
/// It has a thread of its own, which speaks to other ranks in place of the main thread: between the first `release` for a
/// vector and the return of `wait` nobody else may use the communicator. All ranks have the same buckets in the same
/// order, so nothing more need be agreed on. Until the main thread waits too, its waits leave the core to those that compute.
package final class BackgroundSum: @unchecked Sendable {
    private let buckets: [Range<Int>]
    private let sum: (Range<Int>) -> Void
    private var thread: WorkerThread?
    private let progress = Monitor(Progress())

    private struct Progress {
        /// Elements from here on are complete on this rank.
        var border = Int.max
        /// Buckets of this vector that have been summed.
        var done = 0
        var isStopping = false
    }

    /// A bucket's usual size, small as what comes last is hidden by nothing: 2 MiB are some 25 ms on four nodes at 1
    /// Gbit/s. But each goes around by itself, and on many nodes their latencies would add up to more than is hidden.
    private static let usualBytes = 2 << 20
    private static let bytesPerNode = 1 << 17
    private static let usualCount = 8

    /// Cuts a vector: alike on all ranks, from its end, into buckets of some MiB, or eighths if it is short. There is one
    /// bucket if it is too short to be parted.
    ///
    /// - Parameter bytes: of an element.
    package static func buckets(count: Int, bytes: Int, nodes: Int) -> [Range<Int>] {
        let whole = count * bytes
        // Whole grains make some buckets smaller than others.
        let least = Communicator.leastRingBytes * nodes + 32 * bytes
        let bucket = max(min(max(usualBytes, bytesPerNode * nodes), whole / usualCount), least)
        let shards = Shards(count: count, ranks: max(1, whole / bucket), grain: 16)
        return (0..<shards.ranks).reversed().map { shards[$0] }
    }

    /// - Parameters:
    ///   - buckets: in the order in which they are summed: descending.
    ///   - sum: sums one of them over the ranks.
    package init(of buckets: [Range<Int>], sum: @escaping (Range<Int>) -> Void) {
        (self.buckets, self.sum) = (buckets, sum)
        // Where the system has none to give, `wait` does it all. It must not keep what it is to end with.
        thread = WorkerThread { [progress] in BackgroundSum.work(buckets, progress, sum) }
    }

    deinit {
        progress.change { $0.isStopping = true }
        thread?.join()
    }

    /// This rank won't change the vector's elements from `start` on any more.
    package func release(from start: Int) {
        RankCalls.areBesideComputing.store(true, ordering: .relaxed)
        progress.change { $0.border = min($0.border, start) }
    }

    /// Returns when the whole vector, all of it released, has been summed over the ranks. Collective.
    package func wait() {
        RankCalls.areBesideComputing.store(false, ordering: .relaxed)
        if thread == nil { for bucket in buckets { sum(bucket) } }
        progress.wait { [hasThread = thread != nil, count = buckets.count] progress -> Void? in
            guard !hasThread || progress.done == count else { return nil }
            (progress.border, progress.done) = (Int.max, 0)
            return ()
        }
    }

    /// The thread: sums every bucket once it is complete, until it is stopped.
    private static func work(
        _ buckets: [Range<Int>], _ progress: Monitor<Progress>, _ sum: (Range<Int>) -> Void
    ) {
        while true {
            let bucket = progress.wait { progress -> Range<Int>?? in
                if progress.isStopping { return .some(nil) }
                guard progress.done < buckets.count, progress.border <= buckets[progress.done].lowerBound else {
                    return nil
                }
                return buckets[progress.done]
            }
            guard let bucket else { return }
            sum(bucket)
            progress.change { $0.done += 1 }
        }
    }
}
