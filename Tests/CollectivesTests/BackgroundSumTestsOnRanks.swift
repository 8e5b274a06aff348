import Collectives
import Glibc
import RankedTests
import Testing

/// The sum beside computing, over real ranks that release their elements at moments of their own.
@Suite(.serialized) struct BackgroundSumTestsOnRanks {
    @Test("buckets released late here and early there are summed once each, in every step anew") func steps() throws {
        let ranks = try Ranks.here()
        let count = 300_000
        let buckets = BackgroundSum.buckets(count: count, bytes: 4, nodes: ranks.nodes.count)
        let x = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
        defer { x.deallocate() }
        let sum = BackgroundSum(of: buckets) { ranks.sum(UnsafeMutableBufferPointer(rebasing: x[$0])) }
        for step in 0..<3 {
            for place in x.indices { x[place] = Float(testNumber(rank: ranks.rank, at: place + step)) }
            // Each rank another pace, one of them without any computing in between.
            for border in stride(from: count - 50_000, through: 0, by: -50_000) {
                usleep(UInt32(400 * ((ranks.rank + step) % ranks.size)))
                sum.release(from: border)
            }
            sum.wait()
            let wrong = x.indices.first { x[$0] != Float(testSum(ranks: ranks.size, at: $0 + step)) }
            #expect(
                wrong == nil,
                "step \(step), bucket \(buckets.firstIndex { $0.contains(wrong ?? 0) } ?? -1) of \(buckets)")
        }
        // The communicator is this thread's again.
        #expect(ranks.max(ranks.rank) == ranks.size - 1)
    }
}
