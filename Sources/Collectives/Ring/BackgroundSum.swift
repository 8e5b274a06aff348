import Glibc

/// Sums a vector over the ranks while it is still being computed, bucket by bucket from its end to its beginning.
///
/// It has a thread of its own, which speaks to other ranks in place of the main thread: between the first `release` for a
/// vector and the return of `wait` nobody else may use the communicator. All ranks have the same buckets in the same
/// order, so nothing more need be agreed on. Until the main thread waits too, its waits leave the core to those that compute.
package final class BackgroundSum: @unchecked Sendable {
    private let buckets: [Range<Int>]
    private let sum: (Range<Int>) -> Void
    private var thread: pthread_t?

    // Under the mutex.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Elements from here on are complete on this rank.
    private var border = Int.max
    /// Buckets of this vector that have been summed.
    private var done = 0
    private var isStopping = false

    /// What comes last is hidden by nothing, so buckets are small: 2 MiB are some 25 ms on four nodes at 1 Gbit/s. But each
    /// goes around by itself, and on many nodes the messages' latencies would add up to more than is hidden.
    private static let usualBytes = 2 << 20
    private static let bytesPerNode = 1 << 17
    private static let usualCount = 8

    /// How a vector is cut: alike on all ranks, from its end, into buckets of some MiB, or eighths if it is short. There is one
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
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<BackgroundSum>.fromOpaque(argument!).takeUnretainedValue().work()
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        // Where the system has none to give, `wait` does it all.
        self.thread = status == 0 ? thread : nil
    }

    deinit {
        locked {
            isStopping = true
            pthread_cond_broadcast(changed)
        }
        if let thread { pthread_join(thread, nil) }
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// This rank won't change the vector's elements from `start` on any more.
    package func release(from start: Int) {
        RankCalls.areBesideComputing.store(true, ordering: .relaxed)
        locked {
            border = min(border, start)
            pthread_cond_broadcast(changed)
        }
    }

    /// Returns when the whole vector, all of it released, has been summed over the ranks. Collective.
    package func wait() {
        RankCalls.areBesideComputing.store(false, ordering: .relaxed)
        if thread == nil { for bucket in buckets { sum(bucket) } }
        locked {
            while thread != nil, done < buckets.count { pthread_cond_wait(changed, mutex) }
            (border, done) = (Int.max, 0)
        }
    }

    private func work() {
        while let bucket = next() {
            sum(bucket)
            locked {
                done += 1
                if done == buckets.count { pthread_cond_broadcast(changed) }
            }
        }
    }

    /// Waits for a bucket that is complete; nil at the end.
    private func next() -> Range<Int>? {
        locked {
            while !isStopping {
                if done < buckets.count, border <= buckets[done].lowerBound { return buckets[done] }
                pthread_cond_wait(changed, mutex)
            }
            return nil
        }
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
