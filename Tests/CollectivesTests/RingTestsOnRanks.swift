import Collectives
import RankedTests
import Testing

/// The ring by itself, over all ranks as if each were a node: blocks of any length, several ranges each.
@Suite(.serialized) struct RingTestsOnRanks {
    /// A block for each rank, cut from `count` elements with gaps of two between them, in two ranges; the lengths differ.
    private func blocks(_ count: Int, _ size: Int) -> [[Range<Int>]] {
        let lengths = (0..<size).map { count / size * ($0 % 3) }
        var start = 0
        return lengths.map { length in
            defer { start += length + 2 }
            let middle = start + length / 3
            return [start..<middle, middle..<start + length].filter { !$0.isEmpty }
        }
    }

    /// Where a block goes wrong: block, range, place, and what is there.
    private func fault(
        _ x: [Float], _ blocks: [[Range<Int>]], in judged: [Int], expected: (_ block: Int, _ place: Int) -> Int
    )
        -> String?
    {
        for block in judged {
            for range in blocks[block] {
                if let place = range.first(where: { x[$0] != Float(expected(block, $0)) }) {
                    return "block \(block), \(range): element \(place) is \(x[place]), not \(expected(block, place))"
                }
            }
        }
        return nil
    }

    @Test(
        "block p becomes the sum of all on rank p; other ranks' blocks and the gaps aren't asked for",
        arguments: [9, 5000, 900_000])
    func sum(count: Int) throws {
        let ranks = try Ranks.here("\(#function) \(count)")
        guard let ring = Ring(over: ranks) else { return }
        let blocks = blocks(count, ranks.size)
        var x = (0..<count * 2 + 2 * ranks.size).map { Float(testNumber(rank: ranks.rank, at: $0)) }
        let before = x
        x.withUnsafeMutableBufferPointer { x in
            if let x = x.baseAddress { ring.sum(x, blocks, as: Verbatim<Float>.self) }
        }
        let wrong = fault(x, blocks, in: [ranks.rank]) { testSum(ranks: ranks.size, at: $1) }
        #expect(wrong == nil)
        let inside = Set(blocks.joined().joined())
        #expect(x.indices.first { !inside.contains($0) && x[$0] != before[$0] } == nil, "a gap was written")
    }

    @Test("block p as rank p has it, everywhere", arguments: [9, 5000, 900_000]) func gather(count: Int) throws {
        let ranks = try Ranks.here("\(#function) \(count)")
        guard let ring = Ring(over: ranks) else { return }
        let blocks = blocks(count, ranks.size)
        var x = (0..<count * 2 + 2 * ranks.size).map { Float(testNumber(rank: ranks.rank, at: $0)) }
        x.withUnsafeMutableBufferPointer { x in
            if let x = x.baseAddress { ring.gather(x, blocks, as: Verbatim<Float>.self) }
        }
        let wrong = fault(x, blocks, in: Array(blocks.indices)) { testNumber(rank: $0, at: $1) }
        #expect(wrong == nil)
    }

    @Test("in bfloat16 what travels is rounded on the way, and the sum itself isn't") func rounding() throws {
        let ranks = try Ranks.here()
        guard let ring = Ring(over: ranks) else { return }
        let blocks = (0..<ranks.size).map { [$0 * 8..<$0 * 8 + 8] }
        // 1 + 2^-9 is halfway to the next bfloat16 below, 1 + 2^-7 is one.
        var x = [Float](repeating: 1 + 0x1p-9, count: 8 * ranks.size)
        x.withUnsafeMutableBufferPointer { x in
            if let x = x.baseAddress { ring.sum(x, blocks, as: BFloat16.self) }
        }
        // Around the ring every partial sum is rounded before the next rank adds its own.
        var expected: Float = 1 + 0x1p-9
        for _ in 1..<ranks.size { expected = BFloat16.rounded(expected) + (1 + 0x1p-9) }
        #expect(blocks[ranks.rank][0].allSatisfy { x[$0] == expected })
    }
}

extension Ring {
    /// All ranks in a circle; nil where there is one only.
    fileprivate convenience init?(over ranks: Communicator) {
        guard ranks.size > 1, let world = ranks.world else { return nil }
        self.init(world)
    }
}

extension BFloat16 {
    /// The nearest bfloat16, as a float.
    fileprivate static func rounded(_ x: Float) -> Float {
        var x = x
        round(&x, count: 1)
        return x
    }
}
