import Collectives
import RunFiles
import Testing
import Training

@Suite("What an optimizer remembers") struct OptimizerStateTests {
    /// Matrices, norms and biases as a model has them: small ones between large ones, decaying or not.
    private static let tensors: [(count: Int, decays: Bool)] = [
        (9000, true), (64, false), (4096, true), (4095, true), (300, false), (300, false), (20_000, true), (7, false),
        (5000, true),
    ]

    private static let parameters: [(range: Range<Int>, decays: Bool)] = {
        var start = 0
        return tensors.map { tensor in
            defer { start += tensor.count }
            return (start..<start + tensor.count, tensor.decays)
        }
    }()

    private static var count: Int { parameters[parameters.count - 1].range.upperBound }

    private func state(_ kind: OptimizerKind) -> OptimizerState {
        OptimizerState(kind, parameters: OptimizerStateTests.parameters)
    }

    @Test(
        "each optimizer keeps torch's arrays, as many elements as parameters",
        arguments: [(OptimizerKind.adamw, ["exp_avg", "exp_avg_sq"]), (.rmsprop, ["square_avg"]), (.sgd, [])])
    func wholeParts(kind: OptimizerKind, names: [String]) {
        let state = state(kind)
        #expect(state.parts.map(\.name) == names)
        #expect(state.parts.allSatisfy { state.count(of: $0) == Self.count && $0.elementType == .float32 })
        #expect(state.bytes(of: 0..<Self.count) == 4 * names.count * Self.count)
    }

    @Test("eight bits: a byte and a share of a scale for a parameter, 32 bits where a block touches a small tensor")
    func eightBits() {
        let state = state(.adamw8Bit)
        #expect(
            state.parts.map(\.name) == [
                "exp_avg.absmax", "exp_avg_sq.absmax", "exp_avg.wide", "exp_avg_sq.wide", "exp_avg", "exp_avg_sq",
            ])
        // By hand: blocks of 256 that a tensor below 4,096 elements touches; 9,000 is in block 35, 9,064 too.
        var wide: Set<Int> = []
        for parameter in Self.parameters where parameter.range.count < 4096 {
            for place in parameter.range { wide.insert(place / 256) }
        }
        // And where decay begins or ends inside a block.
        for (before, next) in zip(Self.parameters, Self.parameters.dropFirst())
        where before.decays != next.decays && next.range.lowerBound % 256 != 0 {
            wide.insert(next.range.lowerBound / 256)
        }
        for place in 0...Self.count {
            let expected = wide.reduce(0) { $0 + max(0, min(place, ($1 + 1) * 256, Self.count) - $1 * 256) }
            guard state.wideParameters(before: place) != expected else { continue }
            Issue.record("before \(place): \(state.wideParameters(before: place)) wide parameters, not \(expected)")
            return
        }
    }

    @Test(
        "the pieces of a shard follow each other, each updated one way, and no two neighbours could be one",
        arguments: 1...7)
    func pieces(ranks: Int) {
        for kind in [OptimizerKind.adamw, .adamw8Bit] {
            let state = state(kind)
            let shards = Shards(count: Self.count, ranks: ranks, grain: OptimizerState.grain)
            for rank in 0..<ranks {
                let shard = shards[rank]
                let pieces = state.pieces(of: shard, decay: true).filter { !$0.range.isEmpty }
                #expect(pieces.first?.range.lowerBound ?? shard.lowerBound == shard.lowerBound)
                #expect(pieces.last?.range.upperBound ?? shard.lowerBound == shard.upperBound)
                for (piece, next) in zip(pieces, pieces.dropFirst()) {
                    #expect(piece.range.upperBound == next.range.lowerBound)
                    #expect(
                        piece.decays != next.decays || piece.isNarrow != next.isNarrow, "at \(next.range.lowerBound)")
                }
                for parameter in Self.parameters {
                    for piece in pieces where piece.isNarrow || kind == .adamw {
                        guard piece.range.overlaps(parameter.range) else { continue }
                        #expect(piece.decays == parameter.decays, "piece \(piece.range), tensor \(parameter.range)")
                        if piece.isNarrow { #expect(parameter.range.count >= 4096, "piece \(piece.range)") }
                    }
                }
                let wide = pieces.filter { !$0.isNarrow }.reduce(0) { $0 + $1.range.count }
                if kind == .adamw8Bit { #expect(state.elements(.wideParameter, of: shard).count == wide) }
            }
        }
    }

    @Test("shards' arrays are the whole's", arguments: 1...7) func shards(ranks: Int) {
        for kind in [OptimizerKind.adamw, .adamw8Bit, .rmsprop, .sgd] {
            let state = state(kind)
            let shards = Shards(count: Self.count, ranks: ranks, grain: OptimizerState.grain)
            for part in state.parts {
                let parts = (0..<ranks).map { state.elements(part.spacing, of: shards[$0]) }
                #expect(parts.reduce(0) { $0 + $1.count } == state.count(of: part), "\(part.name)")
                for (part, next) in zip(parts, parts.dropFirst()) { #expect(part.upperBound == next.lowerBound) }
            }
            let bytes = (0..<ranks).reduce(0) { $0 + state.bytes(of: shards[$1]) }
            #expect(bytes == state.bytes(of: 0..<Self.count))
        }
    }
}
