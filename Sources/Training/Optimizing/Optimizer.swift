import Collectives
import Kernels
import Modeling
import RunFiles

/// The update rule and its state: one or two moments of every parameter in this rank's share of the vector.
final class Optimizer {
    let settings: RunFile.Optimizer
    let state: OptimizerState
    /// The whole vector on every rank, or with `zero_stage: 1` a part of it on each.
    let shares: Shards
    /// This rank's share.
    let share: Range<Int>
    private let pieces: [OptimizerState.Piece]
    private let pool: ThreadPool
    private let memory: Memory
    /// This rank's elements of each part of the state.
    private let arrays: [UnsafeMutableRawPointer]

    /// - Parameter shares: one for every rank, or one that is everybody's.
    /// - Throws: `MemoryError`.
    init(
        _ settings: RunFile.Optimizer, table: ParameterTable, shares: Shards, rank: Int, on pool: ThreadPool
    ) throws(MemoryError) {
        self.settings = settings
        self.shares = shares
        self.pool = pool
        let state = OptimizerState(settings.kind, table: table)
        self.state = state
        let share = shares[shares.ranks == 1 ? 0 : rank]
        self.share = share
        pieces = state.pieces(of: share, decay: settings.weightDecay > 0)
        memory = try Memory(bytes: Optimizer.bytes(state, of: share), touchedBy: pool)
        let base = UnsafeMutableRawPointer(memory.bind(to: UInt8.self).baseAddress!)
        arrays = Optimizer.offsets(state, of: share).map { base + $0 }
    }

    /// The shares of the state of so many parameters.
    static func shares(count: Int, zeroStage: Int, ranks: Int) -> Shards {
        Shards(count: count, ranks: zeroStage > 0 ? ranks : 1, grain: OptimizerState.grain)
    }

    /// Bytes of the arrays, which begin at multiples of 256 and have room for whole blocks.
    static func bytes(_ state: OptimizerState, of share: Range<Int>) -> Int { offsets(state, of: share).last ?? 0 }

    private static func offsets(_ state: OptimizerState, of share: Range<Int>) -> [Int] {
        var offsets = [0]
        for part in state.parts {
            let bytes = part.elementType.size * state.elements(part.spacing, of: share).count
            offsets.append(offsets[offsets.count - 1] + (bytes + 255) / 256 * 256)
        }
        return offsets
    }

    // MARK: - Updating

    /// One update of this rank's share. Weight decay applies to matrices only, neither to norms nor to biases, as
    /// transformers has it.
    ///
    /// - Parameters:
    ///   - values: of all parameters.
    ///   - gradients: become zeros in the share.
    ///   - factor: what the gradients are multiplied with: 1, or less when their norm is clipped.
    ///   - rate: the step's learning rate.
    ///   - step: counted from 1.
    func update(
        _ values: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>, factor: Float, rate: Double,
        step: Int
    ) {
        for piece in pieces where !piece.range.isEmpty {
            let (w, g, count) = (
                values + piece.range.lowerBound, gradients + piece.range.lowerBound, piece.range.count
            )
            let decay = piece.decays ? settings.weightDecay : 0
            switch settings.kind {
            case .adamw:
                adamW(w, g, moments(0, at: piece), moments(1, at: piece), count, factor, rate, decay, step)
            case .adamw8Bit where piece.isNarrow:
                Update.adamW8Bit(
                    w, gradients: g, factor: factor, first: quantized(0, at: piece), second: quantized(1, at: piece),
                    count: count, rate: rate, beta1: settings.adamBeta1, beta2: settings.adamBeta2,
                    epsilon: settings.adamEpsilon, decay: decay, step: step, on: pool)
            case .adamw8Bit:
                adamW(w, g, moments(2, at: piece), moments(3, at: piece), count, factor, rate, decay, step)
            case .rmsprop:
                Update.rmsProp(
                    w, gradients: g, factor: factor, second: moments(0, at: piece), count: count, rate: rate,
                    alpha: 0.99, epsilon: 1e-8, decay: decay, on: pool)
            case .sgd:
                Update.sgd(w, gradients: g, factor: factor, count: count, rate: rate, decay: decay, on: pool)
            }
        }
    }

    private func adamW(
        _ w: UnsafeMutablePointer<Float>, _ g: UnsafeMutablePointer<Float>, _ first: UnsafeMutablePointer<Float>,
        _ second: UnsafeMutablePointer<Float>, _ count: Int, _ factor: Float, _ rate: Double, _ decay: Double,
        _ step: Int
    ) {
        Update.adamW(
            w, gradients: g, factor: factor, first: first, second: second, count: count, rate: rate,
            beta1: settings.adamBeta1, beta2: settings.adamBeta2, epsilon: settings.adamEpsilon, decay: decay,
            step: step, on: pool)
    }

    /// A float32 part from a piece's first parameter on.
    private func moments(_ part: Int, at piece: OptimizerState.Piece) -> UnsafeMutablePointer<Float> {
        let offset =
            switch state.parts[part].spacing {
            case .wideParameter:
                state.wideParameters(before: piece.range.lowerBound) - state.wideParameters(before: share.lowerBound)
            case .parameter, .block: piece.range.lowerBound - share.lowerBound
            }
        return arrays[part].assumingMemoryBound(to: Float.self) + offset
    }

    /// A moment in eight bits from a piece's first parameter on, which begins a block.
    private func quantized(_ moment: Int, at piece: OptimizerState.Piece) -> QuantizedVector {
        QuantizedVector(
            codes: arrays[state.parts.count - 2 + moment].assumingMemoryBound(to: UInt8.self),
            scales: arrays[moment].assumingMemoryBound(to: Float.self)
        ).advanced(byBlocks: (piece.range.lowerBound - share.lowerBound) / QuantizedVector.block)
    }

    // MARK: - Saving and restoring

    /// Bytes that travel at once.
    private static let pieceBytes = 16 << 20

    /// Hands rank 0 the whole state, part by part and piece by piece in order, whichever rank keeps it; the other ranks'
    /// `take` isn't called. Collective.
    func collect(
        over communicator: Communicator, _ take: (_ part: Int, _ bytes: UnsafeRawBufferPointer) -> Void
    ) {
        visit(over: communicator) { part, owner, bytes in
            if owner > 0 { communicator.transfer(bytes, from: owner, to: 0) }
            if communicator.isRoot { take(part, UnsafeRawBufferPointer(bytes)) }
        }
    }

    /// Takes the whole state from rank 0, each rank its share: `give` fills the next bytes of a part. Collective.
    func distribute(
        over communicator: Communicator, _ give: (_ part: Int, _ bytes: UnsafeMutableRawBufferPointer) -> Void
    ) {
        visit(over: communicator) { part, owner, bytes in
            if communicator.isRoot { give(part, bytes) }
            if shares.ranks == 1 {
                communicator.broadcast(bytes)
            } else {
                communicator.transfer(bytes, from: 0, to: owner)
            }
        }
    }

    /// Visits the pieces of every part in order. A piece's bytes are where this rank keeps them, on rank 0 also those of
    /// the others, as room for what is to travel.
    private func visit(
        over communicator: Communicator,
        _ body: (_ part: Int, _ owner: Int, _ bytes: UnsafeMutableRawBufferPointer) -> Void
    ) {
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: communicator.isRoot && shares.ranks > 1 ? Optimizer.pieceBytes : 0, alignment: 64)
        defer { room.deallocate() }
        for (index, part) in state.parts.enumerated() {
            for owner in 0..<shares.ranks {
                let bytes = part.elementType.size * state.elements(part.spacing, of: shares[owner]).count
                let isOwn = shares.ranks == 1 || owner == communicator.rank
                for start in stride(from: 0, to: bytes, by: Optimizer.pieceBytes) {
                    let length = min(Optimizer.pieceBytes, bytes - start)
                    if isOwn {
                        body(index, owner, UnsafeMutableRawBufferPointer(start: arrays[index] + start, count: length))
                    } else if communicator.isRoot {
                        body(index, owner, UnsafeMutableRawBufferPointer(rebasing: room[..<length]))
                    }
                }
            }
        }
    }
}
