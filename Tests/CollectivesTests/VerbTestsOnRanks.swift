import Collectives
import Machine
import RankedTests
import Testing

/// The communicator's verbs for single numbers, texts and groups.
@Suite(.serialized) struct VerbTestsOnRanks {
    @Test("sum, max and min of the ranks' numbers") func reductions() throws {
        let ranks = try Ranks.here()
        var (sums, largest, smallest) = ([1.5, 2], [0.0, 0], [0.0, 0])
        sums[1] = Double(ranks.rank)
        largest = [Double(ranks.rank), -Double(ranks.rank)]
        smallest = largest
        ranks.sum(&sums)
        ranks.max(&largest)
        ranks.min(&smallest)
        let last = Double(ranks.size - 1)
        #expect(sums == [1.5 * Double(ranks.size), last * Double(ranks.size) / 2])
        #expect(largest == [last, 0])
        #expect(smallest == [0, -last])
        #expect(ranks.max(ranks.rank) == ranks.size - 1 && ranks.min(ranks.rank + 3) == 3)
        // Beyond what a Double holds.
        #expect(ranks.max(Int.max - ranks.rank) == Int.max && ranks.min(Int.min + ranks.rank) == Int.min)
        #expect(ranks.max(0.5 + Double(ranks.rank)) == last + 0.5 && ranks.min(-Double(ranks.rank)) == -last)
        #expect(ranks.min(Double.infinity) == .infinity)
    }

    @Test("a broadcast gives what its root has, of the root's length, whatever the others have") func broadcasts()
        throws
    {
        let ranks = try Ranks.here()
        for root in 0..<ranks.size {
            let isRoot = ranks.rank == root
            let numbers = (0...root).map { Double($0) / 3 }
            #expect(ranks.broadcast(isRoot ? numbers : [7], from: root) == numbers)
            #expect(ranks.broadcast(isRoot ? "καλό \(root)\n" : "", from: root) == "καλό \(root)\n")
            #expect(ranks.broadcast(isRoot ? "" : "mine", from: root) == "")
            #expect(ranks.broadcast(isRoot ? [UInt8](repeating: 9, count: root) : [1], from: root).count == root)
            #expect(ranks.broadcast(isRoot ? Int.min + root : 0, from: root) == Int.min + root)
            #expect(ranks.broadcast(isRoot ? -0.0 : 1, from: root).sign == .minus)
            #expect(ranks.broadcast(isRoot, from: root))
        }
    }

    @Test("gather gives every rank's words, texts and numbers in rank order") func gathers() throws {
        let ranks = try Ranks.here()
        // Rank 0 has none.
        let words = ranks.gather((0..<ranks.rank).map { Int32(ranks.rank * 100 + $0) })
        #expect(words == (0..<ranks.size).map { rank in (0..<rank).map { Int32(rank * 100 + $0) } })
        #expect(ranks.gather("é\(ranks.rank)") == (0..<ranks.size).map { "é\($0)" })
        #expect(ranks.gather(Double(ranks.rank) / 4) == (0..<ranks.size).map { Double($0) / 4 })
    }

    @Test("a transfer reaches its target, and no other") func transfers() throws {
        let ranks = try Ranks.here()
        for (source, target) in [(0, ranks.size - 1), (ranks.size - 1, 0)] {
            var bytes = [UInt8](repeating: UInt8(ranks.rank), count: 100)
            bytes.withUnsafeMutableBytes { ranks.transfer($0, from: source, to: target) }
            let expected = ranks.rank == target ? source : ranks.rank
            #expect(bytes.allSatisfy { $0 == UInt8(expected) }, "from \(source) to \(target)")
        }
    }

    struct Trouble: Error, CustomStringConvertible {
        let description: String
    }

    @Test("what fails on some ranks fails on all, with the lowest one's message") func failures() throws {
        let ranks = try Ranks.here()
        #expect(try ranks.failingTogether { ranks.rank } == ranks.rank)
        for first in 0..<ranks.size {
            let failure = #expect(throws: SharedFailure.self) {
                try ranks.failingTogether(status: { _ in Int32(40 + ranks.rank) }) {
                    if ranks.rank >= first { throw Trouble(description: "line 1\nof rank \(ranks.rank)") }
                }
            }
            #expect(failure?.rank == first && failure?.status == Int32(40 + first))
            #expect(failure?.message == "line 1\nof rank \(first)" && failure?.host == hostName())
        }
        // An error without words is one all the same.
        let silent = #expect(throws: SharedFailure.self) {
            try ranks.failingTogether { if ranks.rank == ranks.size - 1 { throw Trouble(description: "") } }
        }
        #expect(silent?.message == "")
    }

    @Test("onRoot runs on rank 0 only, and its failure is everybody's") func rootOnly() throws {
        let ranks = try Ranks.here()
        var calls = 0
        let value = try ranks.onRoot { () -> Int in
            calls += 1
            return 5
        }
        #expect(value == (ranks.isRoot ? 5 : nil) && calls == (ranks.isRoot ? 1 : 0))
        let failure = #expect(throws: SharedFailure.self) {
            try ranks.onRoot(status: { _ in 3 }) { throw Trouble(description: "no file") }
        }
        #expect(failure?.rank == 0 && failure?.status == 3 && failure?.message == "no file")
    }

    @Test("groups speak among themselves, each with ranks, sums and failures of its own") func groups() throws {
        let ranks = try Ranks.here()
        let isOdd = ranks.rank % 2 == 1
        let group = try #require(ranks.group(isOdd ? 1 : 0))
        let members = (0..<ranks.size).filter { ($0 % 2 == 1) == isOdd }
        #expect(group.size == members.count && members[group.rank] == ranks.rank)
        #expect(group.broadcast("group \(isOdd)") == "group \(isOdd)")
        #expect(group.gather(Double(ranks.rank)) == members.map(Double.init))
        #expect(group.neighbourhood == ranks.neighbourhood)
        // Long enough for rings and shared memory.
        var vector = (0..<40_000).map { Float(testNumber(rank: ranks.rank, at: $0)) }
        vector.withUnsafeMutableBufferPointer { group.sum($0) }
        let wrong = vector.indices.first { place in
            vector[place] != Float(members.reduce(0) { $0 + testNumber(rank: $1, at: place) })
        }
        #expect(wrong == nil)
        if !isOdd {
            #expect(throws: SharedFailure.self) { try group.onRoot { throw Trouble(description: "even") } }
        }
        group.finalize()
        // The others have gone on meanwhile.
        let first = ranks.group(ranks.rank == 0 ? 0 : nil)
        #expect((first != nil) == (ranks.rank == 0) && first?.size ?? 1 == 1)
        first?.finalize()
        #expect(ranks.max(Double(ranks.rank)) == Double(ranks.size - 1))
    }

    @Test("all ranks of this machine are neighbours, whatever counts as a node") func neighbours() throws {
        let ranks = try Ranks.here()
        #expect(ranks.neighbourhood.ranks == ranks.size)
        #expect((1...ranks.size).contains(ranks.neighbourhood.ranksOnSameCores))
        #expect((1...Processors().allowedCores).contains(ranks.neighbourhood.cores))
        #expect(ranks.neighbourhood.freeMemory <= FreeMemory.bytes() / ranks.size + 1 << 30)
    }
}
