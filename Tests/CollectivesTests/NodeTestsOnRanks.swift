import Collectives
import Glibc
import RankedTests
import Testing

/// The layout of ranks on nodes, and the exchange inside one by itself, through its window and in shared memory.
@Suite(.serialized) struct NodeTestsOnRanks {
    @Test("as many neighbouring ranks are a node as the environment says; lanes join ranks of the same number")
    func layout() throws {
        let ranks = try Ranks.here()
        let perNode = getenv("PREFOPT_RANKS_PER_NODE").flatMap { Int(String(cString: $0)) } ?? ranks.size
        let expected = stride(from: 0, to: ranks.size, by: perNode).map { Array($0..<min(ranks.size, $0 + perNode)) }
        #expect(ranks.nodes == expected)
        guard let hierarchy = ranks.hierarchy else { return }
        #expect(hierarchy.nodes == expected && hierarchy.home == ranks.rank / perNode)
        #expect(hierarchy.place == ranks.rank % perNode && hierarchy.lanes == expected.map(\.count).min())
        let isInLane = hierarchy.place < hierarchy.lanes
        #expect((hierarchy.ring != nil) == (isInLane && expected.count > 1))
        if let ring = hierarchy.ring { #expect(ring.position == hierarchy.home && ring.size == expected.count) }
        #expect((hierarchy.exchange != nil) == (expected[hierarchy.home].count > 1))
    }

    /// Of each rank of a node: nothing, one range, or two with a gap; some longer than what a window holds at once.
    static let ownedLengths = [[3, 0, 40], [70_000, 5, 0], [0, 0, 1], [200_001, 200_001, 200_001]]

    /// The fault that an exchange leaves, named by the owner and the range; nil if there is none.
    private func fault(_ lengths: [Int], inSharedMemory: Bool, _ purpose: NodeExchange.Purpose, _ ranks: Communicator)
        -> String?
    {
        guard let hierarchy = ranks.hierarchy, let exchange = hierarchy.exchange else { return nil }
        let members = hierarchy.nodes[hierarchy.home]
        var start = 2
        let owned = members.indices.map { place in
            let length = lengths[place % lengths.count]
            defer { start += length + 3 }
            let middle = start + length / 2
            return [start..<middle, middle + 1..<start + length + 1].filter { !$0.isEmpty }
        }
        let count = start + 4
        var private_ = [Float](repeating: 0, count: inSharedMemory ? 0 : count)
        return private_.withUnsafeMutableBufferPointer { room -> String? in
            let memory =
                inSharedMemory
                ? exchange.allocate(bytes: 4 * count)?.bindMemory(to: Float.self, capacity: count) : room.baseAddress
            guard let x = memory else { return "no memory of \(4 * count) bytes" }
            for place in 0..<count { x[place] = Float(testNumber(rank: ranks.rank, at: place)) }
            exchange.exchange(x, owned: owned, purpose)
            for (owner, ranges) in owned.enumerated() where purpose.contains(.gather) || owner == hierarchy.place {
                for range in ranges {
                    let expected = { (place: Int) in
                        purpose.contains(.sum)
                            ? members.reduce(0) { $0 + testNumber(rank: $1, at: place) }
                            : testNumber(rank: members[owner], at: place)
                    }
                    if let wrong = range.first(where: { x[$0] != Float(expected($0)) }) {
                        return
                            "rank \(ranks.rank), \(range) of place \(owner): element \(wrong) is \(x[wrong]), not \(expected(wrong))"
                    }
                }
            }
            let inside = Set(owned.joined().joined())
            let touched = (0..<count).first {
                !inside.contains($0) && x[$0] != Float(testNumber(rank: ranks.rank, at: $0))
            }
            return touched.map { "rank \(ranks.rank): element \($0) is nobody's and was written" }
        }
    }

    @Test("owners get sums, all get what owners have, or both at once", arguments: ownedLengths)
    func exchange(lengths: [Int]) throws {
        let ranks = try Ranks.here("\(#function) \(lengths)")
        for inSharedMemory in [false, true] {
            for purpose: NodeExchange.Purpose in [.sum, .gather, [.sum, .gather]] {
                let fault = fault(lengths, inSharedMemory: inSharedMemory, purpose, ranks)
                // Ranks without neighbours wait too.
                ranks.barrier()
                #expect(fault == nil, "\(inSharedMemory ? "shared memory" : "window"), purpose \(purpose.rawValue)")
            }
        }
    }
}
