import Collectives
import Kernels
import RankedTests
import Testing
import Training

/// The gradients of all parameters, added up over micro-batches and ranks, in every way a run may ask for.
@Suite(.serialized) struct GradientVectorTestsOnRanks {
    private static let count = 100_003

    /// A micro-batch's gradient of an element.
    private func gradient(rank: Int, batch: Int, _ place: Int) -> Float {
        Float(testNumber(rank: rank, at: place + batch)) / 8
    }

    /// The sum over all ranks' micro-batches: rank r has r + 1 of them.
    private func total(ranks: Int, _ place: Int) -> Float {
        (0..<ranks).reduce(0) { sum, rank in
            sum + (0...rank).reduce(0) { $0 + gradient(rank: rank, batch: $1, place) }
        }
    }

    private func vector(
        _ ranks: Communicator, reproducible: Bool, inBackground: Bool = false, on pool: ThreadPool
    ) throws -> GradientVector {
        let buckets = BackgroundSum.buckets(
            count: Self.count, bytes: GradientVector.summedBytes(reproducible: reproducible), nodes: ranks.nodes.count)
        return try GradientVector(
            count: Self.count, reproducible: reproducible, wire: .float32,
            inBackground: inBackground && ranks.size > 1 ? buckets : nil, over: ranks, on: pool)
    }

    /// Adds this rank's micro-batches, the last of them piece by piece from the vector's end, as a backward pass does.
    private func add(to vector: GradientVector, _ ranks: Communicator) {
        for batch in 0...ranks.rank {
            vector.add(isLast: batch == ranks.rank) { values, completed in
                var border = Self.count
                while border > 0 {
                    let start = max(0, border - 10_000)
                    for place in start..<border { values[place] += gradient(rank: ranks.rank, batch: batch, place) }
                    border = start
                    completed?(border)
                }
            }
        }
        vector.close()
    }

    @Test("sums on all ranks, three steps one after another", arguments: [false, true], [false, true])
    func sums(reproducible: Bool, inBackground: Bool) throws {
        let ranks = try Ranks.here("\(#function) \(reproducible) \(inBackground)")
        let pool = ThreadPool(count: 2)
        let vector = try vector(ranks, reproducible: reproducible, inBackground: inBackground, on: pool)
        for step in 0..<3 {
            add(to: vector, ranks)
            vector.reduce(over: ranks)
            let wrong = (0..<Self.count).first { vector.values[$0] != total(ranks: ranks.size, $0) }
            #expect(
                wrong == nil,
                "step \(step): element \(wrong ?? 0) is \(vector.values[wrong ?? 0]), not \(total(ranks: ranks.size, wrong ?? 0))"
            )
            // As the optimizer leaves it.
            for place in 0..<Self.count { vector.values[place] = 0 }
        }
    }

    @Test("sums in each rank's shard and zeros elsewhere", arguments: [false, true]) func shards(reproducible: Bool)
        throws
    {
        let ranks = try Ranks.here("\(#function) \(reproducible)")
        let pool = ThreadPool(count: 2)
        let vector = try vector(ranks, reproducible: reproducible, on: pool)
        let shards = Shards(count: Self.count, ranks: ranks.size, grain: 2048)
        for step in 0..<2 {
            add(to: vector, ranks)
            vector.reduce(over: ranks, toOwnersOf: shards)
            let wrong = (0..<Self.count).first { place in
                let isOwn = shards[ranks.rank].contains(place)
                return vector.values[place] != (isOwn ? total(ranks: ranks.size, place) : 0)
            }
            #expect(wrong == nil, "step \(step), shard \(shards[ranks.rank]): element \(wrong ?? 0)")
            for place in 0..<Self.count { vector.values[place] = 0 }
        }
    }
}
