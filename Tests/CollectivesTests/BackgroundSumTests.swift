import Collectives
import Synchronization
import Testing

@Suite struct BackgroundSumTests {
    @Test(
        "buckets follow each other from the vector's end to its beginning, none of them too short for a ring",
        arguments: [(1, 2), (100, 2), (30_000, 2), (5_000_000, 4), (5_000_001, 64), (200_000_000, 1024)])
    func buckets(count: Int, nodes: Int) {
        for bytes in [4, 8] {
            let buckets = BackgroundSum.buckets(count: count, bytes: bytes, nodes: nodes)
            #expect(buckets.first?.upperBound == count && buckets.last?.lowerBound == 0)
            for (bucket, next) in zip(buckets, buckets.dropFirst()) { #expect(bucket.lowerBound == next.upperBound) }
            guard buckets.count > 1 else { continue }
            for bucket in buckets { #expect(bytes * bucket.count >= nodes << 14) }
        }
    }

    @Test("adapters of 20 MB are cut into about ten buckets, a megabyte into eight, and little is left whole")
    func sizes() {
        func cut(_ bytes: Int) -> Int { BackgroundSum.buckets(count: bytes / 4, bytes: 4, nodes: 4).count }
        #expect((8...12).contains(cut(19_500_000)))
        #expect(cut(1 << 20) == 8)
        #expect(cut(100_000) == 1)
    }

    @Test("a bucket is summed once all of it is released, in order, and each vector anew")
    func order() {
        let buckets = [60..<100, 30..<60, 0..<30]
        let summed = Mutex<[Range<Int>]>([])
        func count() -> Int { summed.withLock(\.count) }
        let sum = BackgroundSum(of: buckets) { bucket in summed.withLock { $0.append(bucket) }
        }
        for turn in 0..<3 {
            sum.release(from: 61)
            #expect(count() == 3 * turn)
            sum.release(from: 30)
            // What is released is summed without being waited for; the rest isn't.
            while count() < 3 * turn + 2 {}
            sum.release(from: 1)
            #expect(count() == 3 * turn + 2)
            sum.release(from: 0)
            sum.wait()
            #expect(summed.withLock { Array($0.suffix(3)) } == buckets)
        }
        #expect(count() == 9)
    }
}
