import Kernels

/// A decoder with its weights, on a thread pool: logps of packed micro-batches, and their gradients.
public final class Transformer {
    public let architecture: Architecture
    public let weights: Weights
    public let pool: ThreadPool
    let blocks: [Block]
    let head: ResponseHead

    /// - Parameter positions: the longest sequence (prompt and response) that will be asked for.
    public init(_ architecture: Architecture, weights: Weights, positions: Int, on pool: ThreadPool) {
        self.architecture = architecture
        self.weights = weights
        self.pool = pool
        let rotary = Rotary(
            frequencies: architecture.rotary.values(headWidth: architecture.headWidth), positions: max(1, positions))
        blocks = weights.table.blocks.map {
            Block(architecture: architecture, parameters: $0, rotary: rotary, pool: pool)
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
                    attention: attention(in: space), transient: t)
            }
        }
        let embedding = Matrix(gradients + weights.table.embedding, rows: a.vocabulary, columns: a.width)
        batch.tokens.withUnsafeBufferPointer {
            RowMoves.scatterAdd(
                Matrix(t.dStream, rows: batch.tokens.count, columns: a.width), $0.baseAddress!, into: embedding,
                on: pool)
        }
    }

    /// Runs all blocks; returns the last one's output [A, D].
    private func forward(_ batch: PackedBatch, in space: Workspace) -> Matrix {
        let a = architecture
        let table = Matrix(weights.values + weights.table.embedding, rows: a.vocabulary, columns: a.width)
        batch.tokens.withUnsafeBufferPointer {
            RowMoves.gather(
                table, $0.baseAddress!, into: Matrix(space.streams[0], rows: batch.tokens.count, columns: a.width),
                on: pool)
        }
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
            into: recordOnly
                ? nil : Matrix(space.streams[(layer + 1) % space.streams.count], rows: rows.outputCount, columns: width),
            weights: weights.values, record: record, rows: rows,
            keyValue: Matrix(record.keyValue, rows: rows.count, columns: 2 * architecture.keyWidth), firstKey: 0,
            attention: attention(in: space), transient: space.transient)
    }

    func attention(in space: Workspace) -> Attention {
        let a = architecture
        return Attention(
            heads: a.heads, keyHeads: a.keyHeads, width: a.headWidth, scale: 1 / Float(a.headWidth).squareRoot(),
            scratch: space.attentionScratch, keys: space.extent.keys)
    }

    /// The rows of all blocks but the last, and those of the last.
    private func withRows(of batch: PackedBatch, _ body: (_ all: Block.Rows, _ outputs: Block.Rows) -> Void) {
        batch.positions.withUnsafeBufferPointer { positions in
            batch.outputs.withUnsafeBufferPointer { outputs in
                batch.outputPositions.withUnsafeBufferPointer { outputPositions in
                    let count = batch.tokens.count
                    body(
                        Block.Rows(
                            count: count, positions: positions.baseAddress!, outputs: nil,
                            outputPositions: positions.baseAddress!, outputCount: count,
                            spans: batch.spans, groups: batch.groups),
                        Block.Rows(
                            count: count, positions: positions.baseAddress!, outputs: outputs.baseAddress!,
                            outputPositions: outputPositions.baseAddress!, outputCount: batch.outputs.count,
                            spans: batch.outputSpans, groups: batch.outputGroups))
                }
            }
        }
    }
}
