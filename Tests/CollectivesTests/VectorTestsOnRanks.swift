import Collectives
import RankedTests
import Testing

/// Sums and copies of long vectors: what the communicator gives, then each way that a part of a vector may take. A wrong element
/// is named with the rank whose shard it is in, that rank's node, and by how much the sum is wrong.
@Suite(.serialized) struct VectorTestsOnRanks {
    /// From none over what one message holds to some pieces of each ring.
    static let counts = [0, 1, 15, 16, 17, 1000, 40_003, 700_000]

    /// The fault of a vector where `isJudged`, in a sentence; nil if there is none.
    private func fault<Element: BinaryFloatingPoint>(
        of x: [Element], _ ranks: Communicator, shards: Shards, where isJudged: (Int) -> Bool = { _ in true },
        expected: (Int) -> Int
    ) -> String? {
        let wrong = x.indices.filter { isJudged($0) && x[$0] != Element(expected($0)) }
        guard let first = wrong.first else { return nil }
        let owner = (0..<ranks.size).first { shards[$0].contains(first) } ?? -1
        return
            "rank \(ranks.rank): \(wrong.count) of \(x.count) elements are wrong, \(first)…\(wrong[wrong.count - 1]); the first is in "
            + "rank \(owner)'s shard \(shards[owner]), node \(ranks.nodes.firstIndex { $0.contains(owner) } ?? -1) of \(ranks.nodes): "
            + "\(x[first]), not \(expected(first))"
    }

    private func shards(_ count: Int, _ ranks: Communicator) -> Shards {
        Shards(count: count, ranks: ranks.size, grain: 16)
    }

    private func own(_ count: Int, _ ranks: Communicator) -> [Float] {
        (0..<count).map { Float(testNumber(rank: ranks.rank, at: $0)) }
    }

    @Test("the sum of a vector, on all ranks", arguments: counts) func sum(count: Int) throws {
        let ranks = try Ranks.here("\(#function) \(count)")
        for wire in Communicator.WireFormat.allCases {
            var x = own(count, ranks)
            if wire == .bfloat16 { for place in x.indices { x[place] = Float(place % 3) } }
            x.withUnsafeMutableBufferPointer { ranks.sum($0, wire: wire) }
            let fault = fault(of: x, ranks, shards: shards(count, ranks)) {
                wire == .bfloat16 ? ranks.size * ($0 % 3) : testSum(ranks: ranks.size, at: $0)
            }
            #expect(fault == nil, "\(wire)")
        }
    }

    @Test("the exact sum of integers beyond 2^53", arguments: counts) func integers(count: Int) throws {
        let ranks = try Ranks.here("\(#function) \(count)")
        var x = (0..<count).map { Int64($0) << 40 + Int64(ranks.rank) }
        x.withUnsafeMutableBufferPointer { ranks.sum($0) }
        let low = Int64(ranks.size * (ranks.size - 1) / 2)
        #expect(x.indices.first { x[$0] != Int64($0) << 40 * Int64(ranks.size) + low } == nil)
    }

    @Test("each owner's sum, in its shard", arguments: counts) func sumToOwners(count: Int) throws {
        let ranks = try Ranks.here("\(#function) \(count)")
        let shards = shards(count, ranks)
        var x = own(count, ranks)
        x.withUnsafeMutableBufferPointer { ranks.sum($0, toOwnersOf: shards) }
        let mine = shards[ranks.rank]
        let fault = fault(of: x, ranks, shards: shards, where: mine.contains) { testSum(ranks: ranks.size, at: $0) }
        #expect(fault == nil)
    }

    @Test("each shard as its owner has it, on all ranks", arguments: counts) func gather(count: Int) throws {
        let ranks = try Ranks.here("\(#function) \(count)")
        let shards = shards(count, ranks)
        var x = own(count, ranks)
        x.withUnsafeMutableBufferPointer { ranks.gather($0, fromOwnersOf: shards) }
        let fault = fault(of: x, ranks, shards: shards) { place in
            testNumber(rank: (0..<ranks.size).first { shards[$0].contains(place) } ?? -1, at: place)
        }
        #expect(fault == nil)
    }

    @Test("the same in memory that a node's ranks share, with rests of other vectors around it") func shared() throws {
        let ranks = try Ranks.here()
        let count = 50_000
        let isAlone = ranks.nodes.contains([ranks.rank])
        let shared = ranks.sharedMemory(bytes: 4 * count)
        #expect((shared == nil) == isAlone)
        let own = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 64)
        defer { own.deallocate() }
        let x = UnsafeMutableBufferPointer(
            start: (shared ?? own).bindMemory(to: Float.self, capacity: count), count: count)
        // The whole, and a part in its middle; several times, since slots and signals are used in turns.
        for part in [0..<count, 1_001..<41_007, 0..<count] {
            for place in x.indices { x[place] = Float(testNumber(rank: ranks.rank, at: place)) }
            ranks.sum(UnsafeMutableBufferPointer(rebasing: x[part]))
            let wrong = x.indices.first { place in
                part.contains(place)
                    ? x[place] != Float(testSum(ranks: ranks.size, at: place))
                    : x[place] != Float(testNumber(rank: ranks.rank, at: place))
            }
            #expect(wrong == nil, "rank \(ranks.rank), \(part)")
            ranks.barrier()
        }
    }

    @Test("memory of the node is one for its ranks, and one of them writes it") func nodeMemory() throws {
        let ranks = try Ranks.here()
        let node = try #require(ranks.nodes.first { $0.contains(ranks.rank) })
        let place = ranks.nodeMemory(bytes: 8)
        #expect((place == nil) == (node.count == 1))
        if let place, place.isWriter { place.memory.storeBytes(of: Int64(node[0]), as: Int64.self) }
        ranks.barrier()
        guard let place else { return }
        #expect(place.isWriter == (node[0] == ranks.rank))
        #expect(place.memory.load(as: Int64.self) == Int64(node[0]))
    }
}
