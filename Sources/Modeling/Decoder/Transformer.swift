import Kernels

/// A decoder with its weights, on a thread pool: logps of packed micro-batches, and their gradients.
///
/// Its weights are trained as a whole, or frozen with what is trained beside them: several decoders may share frozen ones.
package final class Transformer {
    package let architecture: Architecture
    /// What is trained; nil in a decoder that is frozen as a whole.
    package let weights: Weights?
    package let frozen: FrozenWeights?
    package let pool: ThreadPool
    let values: Values
    let table: ParameterTable
    let blocks: [Block]
    let head: ResponseHead
    /// The angles of all positions, in a model whose frequencies are the same for sequences of any length.
    private let rotary: Rotary?

    /// A decoder that is trained as a whole, or by adapters on frozen weights.
    ///
    /// - Parameters:
    ///   - frozen: needed unless all of the table's parameters are trained.
    ///   - positions: the longest sequence (prompt and response) that will be asked for.
    /// - Throws: `ModelError.tooLong` if the model has no positions for it.
    package convenience init(
        _ architecture: Architecture, weights: Weights, on frozen: FrozenWeights? = nil, positions: Int,
        pool: ThreadPool
    ) throws(ModelError) {
        try self.init(
            architecture, table: weights.table, weights: weights, frozen: frozen, positions: positions, pool)
    }

    /// A decoder that isn't trained.
    /// - Throws: `ModelError.tooLong`.
    package convenience init(
        _ architecture: Architecture, frozen: FrozenWeights, positions: Int, pool: ThreadPool
    ) throws(ModelError) {
        try self.init(
            architecture, table: ParameterTable(architecture, training: .nothing), weights: nil, frozen: frozen,
            positions: positions, pool)
    }

    private init(
        _ architecture: Architecture, table: ParameterTable, weights: Weights?, frozen: FrozenWeights?,
        positions: Int, _ pool: ThreadPool
    ) throws(ModelError) {
        if let limit = architecture.hardLimit, positions > limit {
            throw .tooLong(positions: positions, limit: limit)
        }
        self.architecture = architecture
        self.weights = weights
        self.frozen = frozen
        self.table = table
        self.pool = pool
        values = Values(trained: weights?.values, frozen)
        rotary = architecture.rotary.flatMap { frequencies in
            frequencies.dependsOnLength
                ? nil
                : Rotary(
                    frequencies: frequencies.values(), scale: frequencies.attentionFactor, positions: max(1, positions),
                    headWidth: architecture.headWidth)
        }
        blocks = zip(architecture.layerKinds, table.blocks).map {
            Block(architecture: architecture, layer: $0, parameters: $1, pool: pool)
        }
        head = ResponseHead(architecture: architecture, table: table, values: values, pool: pool)
    }

    /// What a workspace holds for this decoder's adapters.
    package var lowRank: LowRankExtent { table.lowRank }

    /// Logps of every scored token of a micro-batch, sequence by sequence and response by response.
    package func score(_ batch: PackedBatch, in space: Workspace) -> [[[Float]]] {
        head.forward(forward(batch, in: space), scored: batch.scored, space: space.headSpace)
        return batch.scored.sequences.map { responses in
            responses.map { range in range.map { space.headSpace.logps[$0] } }
        }
    }

    /// Adds a micro-batch's gradients into `gradients`, a vector beside the trained weights.
    ///
    /// - Parameters:
    ///   - completed: told, as the pass goes on from the head to the embedding, the element of `gradients` from which on all is
    ///     as it will be when the pass ends; at last 0. The elements are those of the table, for every batch.
    ///   - loss: given a sequence's number and the logps (sums in nats) of its responses, writes ∂loss/∂logps.
    package func step(
        _ batch: PackedBatch, in space: Workspace, gradients: UnsafeMutablePointer<Float>,
        completed: ((_ start: Int) -> Void)? = nil,
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
            gradients: gradients, scored: batch.scored, space: space.headSpace, loss: loss)
        completed?(table.blockBorders[blocks.count])
        withRows(of: batch) { all, outputs in
            for layer in blocks.indices.reversed() {
                let rows = layer == blocks.count - 1 ? outputs : all
                let x = Matrix(space.streams[layer], rows: rows.count, columns: a.width)
                let record = space.recompute ? space.records[0] : space.records[layer]
                // The last block's record is still there.
                if space.recompute, layer < blocks.count - 1 { run(layer, rows, batch, in: space, recordOnly: true) }
                blocks[layer].backward(
                    t.dStream, x, gradients: gradients, record: record, rows: rows,
                    attention: attention(layer, in: space), transient: t, pass(record, rows, in: space))
                completed?(table.blockBorders[layer])
            }
        }
        embedBackward(
            Matrix(t.dStream, rows: batch.tokens.count, columns: a.width), batch.tokens, batch.positions,
            gradients: gradients)
        completed?(0)
    }

    func pass(_ record: Record, _ rows: Block.Rows, in space: Workspace) -> Pass {
        Pass(
            values: values,
            low: LowRankSpace(
                extent: space.low, u: record.u, du: space.transient.du, z: record.z, dz: space.transient.dz,
                factors: record.factors, dropped: space.transient.dropped,
                normScratch: space.transient.normScratch, dropout: rows.dropout),
            pool: pool)
    }

    /// What enters the first block.
    func embed(_ tokens: [Int32], _ positions: [Int32], into y: Matrix) {
        switch table.embedding {
        case .trained(let start):
            Embedding.forward(
                tokenTable(values.trained + start), tokens, scale: architecture.embeddingScale, into: y, on: pool)
        case .frozen(let number):
            Embedding.forward(
                values.matrices[number], tokens, scale: architecture.embeddingScale, into: y, on: pool)
        }
        switch table.positions {
        case .trained(let start):
            Embedding.add(positionTable(values.trained + start), positions, into: y, on: pool)
        case .frozen(let number): Embedding.add(values.matrices[number], positions, into: y, on: pool)
        case nil: break
        }
    }

    private func embedBackward(
        _ dy: Matrix, _ tokens: [Int32], _ positions: [Int32], gradients: UnsafeMutablePointer<Float>
    ) {
        if let d = table.positions?.gradient(in: gradients) {
            Embedding.backward(dy, positions, scale: 1, into: positionTable(d), on: pool)
        }
        if let d = table.embedding.gradient(in: gradients) {
            Embedding.backward(dy, tokens, scale: architecture.embeddingScale, into: tokenTable(d), on: pool)
        }
    }

    private func tokenTable(_ base: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(base, rows: architecture.vocabulary, columns: architecture.width)
    }

    private func positionTable(_ base: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(base, rows: architecture.positions, columns: architecture.width)
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
            recordOnly: recordOnly, record: record, rows: rows,
            keyValue: Matrix(record.keyValue, rows: rows.count, columns: 2 * architecture.keyWidth), firstKey: 0,
            attention: attention(layer, in: space), transient: space.transient, pass(record, rows, in: space))
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
        withDropout(of: batch) { dropout in
            angles.withUnsafeBufferPointer { angles in
                batch.outputs.withUnsafeBufferPointer { outputs in
                    outputAngles.withUnsafeBufferPointer { outputAngles in
                        let count = batch.tokens.count
                        body(
                            Block.Rows(
                                count: count, rotary: rotary, angles: angles.baseAddress!, outputs: nil,
                                outputAngles: angles.baseAddress!, outputCount: count, spans: batch.spans,
                                groups: batch.groups, dropout: dropout),
                            Block.Rows(
                                count: count, rotary: rotary, angles: angles.baseAddress!,
                                outputs: outputs.baseAddress!, outputAngles: outputAngles.baseAddress!,
                                outputCount: batch.outputs.count, spans: batch.outputSpans,
                                groups: batch.outputGroups, dropout: dropout))
                    }
                }
            }
        }
    }

    /// The dropout of a batch that asks for it, in a model that has it.
    private func withDropout(of batch: PackedBatch, _ body: (RowDropout?) -> Void) {
        guard case .adapters(let adaptation) = table.trainable, adaptation.config.loraDropout > 0,
            let keys = batch.dropoutKeys
        else { return body(nil) }
        let outputKeys = batch.outputs.map { keys[Int($0)] }
        keys.withUnsafeBufferPointer { keys in
            outputKeys.withUnsafeBufferPointer { outputKeys in
                body(
                    RowDropout(
                        keys: keys.baseAddress!, rows: keys.count, outputKeys: outputKeys.baseAddress!,
                        probability: adaptation.config.loraDropout))
            }
        }
    }
}
