import Kernels

/// A decoder with its weights, on a thread pool: logps of packed micro-batches, and their gradients.
public final class Transformer {
    public let architecture: Architecture
    public let weights: Weights
    public let pool: ThreadPool
    let blocks: [Block]
    let head: ResponseHead
    /// The angles of all positions, in a model whose frequencies are the same for sequences of any length.
    private let rotary: Rotary?

    /// - Parameter positions: the longest sequence (prompt and response) that will be asked for.
    /// - Throws: `ModelError.tooLong` if the model has no positions for it.
    public init(
        _ architecture: Architecture, weights: Weights, positions: Int, on pool: ThreadPool
    ) throws(ModelError) {
        if let limit = architecture.hardLimit, positions > limit {
            throw .tooLong(positions: positions, limit: limit)
        }
        self.architecture = architecture
        self.weights = weights
        self.pool = pool
        rotary = architecture.rotary.flatMap { frequencies in
            frequencies.dependsOnLength
                ? nil
                : Rotary(
                    frequencies: frequencies.values(), scale: frequencies.attentionFactor, positions: max(1, positions),
                    headWidth: architecture.headWidth)
        }
        blocks = zip(architecture.layerKinds, weights.table.blocks).map {
            Block(architecture: architecture, layer: $0, parameters: $1, pool: pool)
        }
        head = ResponseHead(architecture: architecture, table: weights.table, pool: pool)
    }

    /// Logps of every scored token of a micro-batch, sequence by sequence and response by response.
    public func score(_ batch: PackedBatch, in space: Workspace) -> [[[Float]]] {
        head.forward(
            forward(batch, in: space), weights: weights.values, scored: batch.scored, space: space.headSpace)
        return batch.scored.sequences.map { responses in
            responses.map { range in range.map { space.headSpace.logps[$0] } }
        }
    }

    /// Adds a micro-batch's gradients into `gradients`, a vector beside the weights.
    ///
    /// - Parameter loss: given a sequence's number and the logps (sums in nats) of its responses, writes ∂loss/∂logps.
    public func step(
        _ batch: PackedBatch, in space: Workspace, gradients: UnsafeMutablePointer<Float>,
        loss: (_ sequence: Int, _ logps: UnsafeBufferPointer<Double>, _ gradients: UnsafeMutableBufferPointer<Double>)
            -> Void
    ) {
        let a = architecture
        let t = space.transient
        let stream = forward(batch, in: space)
        head.step(
            stream,
            normed: Matrix(t.normed, rows: stream.rows, columns: a.width),
            dNormed: Matrix(t.dNormed, rows: stream.rows, columns: a.width),
            into: Matrix(t.dStream, rows: stream.rows, columns: a.width),
            weights: weights.values, gradients: gradients, scored: batch.scored, space: space.headSpace, loss: loss)
        withRows(of: batch) { all, outputs in
            for layer in blocks.indices.reversed() {
                let rows = layer == blocks.count - 1 ? outputs : all
                let x = Matrix(space.streams[layer], rows: rows.count, columns: a.width)
                let record = space.recompute ? space.records[0] : space.records[layer]
                // The last block's record is still there.
                if space.recompute, layer < blocks.count - 1 { run(layer, rows, batch, in: space, recordOnly: true) }
                blocks[layer].backward(
                    t.dStream, x, weights: weights.values, gradients: gradients, record: record, rows: rows,
                    attention: attention(layer, in: space), transient: t)
            }
        }
        embedBackward(
            Matrix(t.dStream, rows: batch.tokens.count, columns: a.width), batch.tokens, batch.positions,
            gradients: gradients)
    }

    /// What enters the first block.
    func embed(_ tokens: [Int32], _ positions: [Int32], into y: Matrix) {
        Embedding.forward(
            embeddingTable(weights.values), tokens, scale: architecture.embeddingScale,
            positionTable: positionTable(weights.values), positions, into: y, on: pool)
    }

    private func embedBackward(
        _ dy: Matrix, _ tokens: [Int32], _ positions: [Int32], gradients: UnsafeMutablePointer<Float>
    ) {
        Embedding.backward(
            dy, tokens, scale: architecture.embeddingScale, positions, into: embeddingTable(gradients),
            positionTable: positionTable(gradients), on: pool)
    }

    private func embeddingTable(_ vector: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(vector + weights.table.embedding, rows: architecture.vocabulary, columns: architecture.width)
    }

    private func positionTable(_ vector: UnsafeMutablePointer<Float>) -> Matrix? {
        weights.table.positions.map {
            Matrix(vector + $0, rows: architecture.positions, columns: architecture.width)
        }
    }

    /// Runs all blocks; returns the last one's output [A, D].
    private func forward(_ batch: PackedBatch, in space: Workspace) -> Matrix {
        let a = architecture
        embed(
            batch.tokens, batch.positions,
            into: Matrix(space.streams[0], rows: batch.tokens.count, columns: a.width))
        withRows(of: batch) { all, outputs in
            for layer in blocks.indices { run(layer, layer == blocks.count - 1 ? outputs : all, batch, in: space) }
        }
        return Matrix(space.streams[blocks.count % space.streams.count], rows: batch.outputs.count, columns: a.width)
    }

    private func run(
        _ layer: Int, _ rows: Block.Rows, _ batch: PackedBatch, in space: Workspace, recordOnly: Bool = false
    ) {
        let width = architecture.width
        let record = space.records[space.records.count == 1 ? 0 : layer]
        blocks[layer].forward(
            Matrix(space.streams[layer % space.streams.count], rows: rows.count, columns: width),
            into: Matrix(space.streams[(layer + 1) % space.streams.count], rows: rows.outputCount, columns: width),
            recordOnly: recordOnly, weights: weights.values, record: record, rows: rows,
            keyValue: Matrix(record.keyValue, rows: rows.count, columns: 2 * architecture.keyWidth), firstKey: 0,
            attention: attention(layer, in: space), transient: space.transient)
    }

    /// The attention of a layer: the one place that builds it.
    func attention(_ layer: Int, in space: Workspace) -> Attention {
        let a = architecture
        let kind = a.layerKinds[layer]
        return Attention(
            heads: a.heads, keyHeads: a.keyHeads, width: a.headWidth, scale: kind.scale, cap: a.attentionCap,
            window: kind.window, scratch: space.attentionScratch, keys: space.extent.keys)
    }

    /// The angles that rows turn by, and for each row of `positions` its row among them. `stretches`: see
    /// `RotaryFrequencies.stretch`.
    func angles(of positions: [Int32], stretches: [Int32]) -> (Rotary?, [Int32]) {
        guard let frequencies = architecture.rotary, rotary == nil else { return (rotary, positions) }
        var sets: [Int32: [Double]] = [:]
        for stretch in stretches where sets[stretch] == nil {
            sets[stretch] = frequencies.values(stretch: Int(stretch))
        }
        let table = Rotary(
            rows: positions.count, half: frequencies.pairs, scale: frequencies.attentionFactor,
            headWidth: architecture.headWidth
        ) { (Double(positions[$0]), sets[stretches[$0]] ?? []) }
        return (table, positions.indices.map { Int32($0) })
    }

    /// The rows of all blocks but the last, and those of the last.
    private func withRows(of batch: PackedBatch, _ body: (_ all: Block.Rows, _ outputs: Block.Rows) -> Void) {
        let (rotary, angles) = angles(of: batch.positions, stretches: batch.stretches)
        let outputAngles = batch.outputs.map { angles[Int($0)] }
        angles.withUnsafeBufferPointer { angles in
            batch.outputs.withUnsafeBufferPointer { outputs in
                outputAngles.withUnsafeBufferPointer { outputAngles in
                    let count = batch.tokens.count
                    body(
                        Block.Rows(
                            count: count, rotary: rotary, angles: angles.baseAddress!, outputs: nil,
                            outputAngles: angles.baseAddress!, outputCount: count, spans: batch.spans,
                            groups: batch.groups),
                        Block.Rows(
                            count: count, rotary: rotary, angles: angles.baseAddress!, outputs: outputs.baseAddress!,
                            outputAngles: outputAngles.baseAddress!, outputCount: batch.outputs.count,
                            spans: batch.outputSpans, groups: batch.outputGroups))
                }
            }
        }
    }
}
