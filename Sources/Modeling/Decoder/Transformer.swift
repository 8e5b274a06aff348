import Kernels

/// A decoder with its weights, on a thread pool: logps of packed micro-batches, and their gradients.
///
/// Its weights are trained as a whole, or frozen with what is trained beside them: several decoders may share frozen ones.
package final class Transformer {
    package let architecture: Architecture
    /// The trained weights; nil in a decoder that is frozen as a whole.
    package let weights: Weights?
    package let frozen: FrozenWeights?
    package let pool: ThreadPool
    let values: Values
    let table: ParameterTable
    let blocks: [Block]
    private(set) var head: ResponseHead
    /// Of a reward model, in place of `head`.
    private let scalarHead: ScalarHead?
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
        blocks = table.blocks.map { parameters in
            var low = LowRankExtent()
            return Block(architecture, parameters, low: &low)
        }
        head = ResponseHead(architecture: architecture, table: table, values: values, pool: pool)
        scalarHead =
            architecture.isRewardModel
            ? ScalarHead(architecture: architecture, table: table, values: values, pool: pool) : nil
    }

    /// The sizes of a workspace's buffers for this decoder's adapters.
    package var lowRank: LowRankExtent { table.lowRank }

    /// The divisor of logits wherever they are read: in the logps, their gradients, and the draws of a generation.
    package var temperature: Double {
        get { head.temperature }
        set { head.temperature = newValue }
    }

    /// Logps of every scored token of a micro-batch, sequence by sequence and response by response; of a reward model one
    /// number for each response, its reward.
    package func score(_ batch: PackedBatch, in space: Workspace) -> [[[Float]]] {
        let stream = forward(batch, in: space)
        if let scalarHead {
            scalarHead.forward(stream, scored: batch.scored, space: space.buffers.head)
        } else {
            head.forward(stream, scored: batch.scored, space: space.buffers.head)
        }
        return batch.scored.sequences.map { responses in
            responses.map { range in range.map { space.buffers.head.logps[$0] } }
        }
    }

    /// Logps of every scored token of a micro-batch, and the values of the states they are drawn in, sequence by sequence and
    /// response by response.
    package func scoreStates(_ batch: PackedBatch, in space: Workspace) -> [[(logps: [Float], values: [Float])]] {
        head.forward(forward(batch, in: space), scored: batch.scored, space: space.buffers.head)
        let found = space.buffers.head
        return batch.scored.sequences.map { responses in
            responses.map { range in (range.map { found.logps[$0] }, range.map { found.values[$0] }) }
        }
    }

    /// Logits of every scored token of a micro-batch: `body` gets those of some at a time, [tokens, V], in the order of
    /// `batch.scored`.
    package func scoreLogits(
        _ batch: PackedBatch, in space: Workspace, _ body: (_ tokens: Range<Int>, _ logits: Matrix) -> Void
    ) {
        head.scoredLogits(of: forward(batch, in: space), scored: batch.scored, space: space.buffers.head, body)
    }

    /// Adds a micro-batch's gradients into `gradients`, a vector beside the trained weights.
    ///
    /// - Parameters:
    ///   - completed: told, as the pass goes on from the head to the embedding, the element of `gradients` from which on all is
    ///     as it will be when the pass ends; at last 0. The elements are those of the table, for every batch.
    ///   - loss: given a sequence's number and the logps (sums in nats) of its responses, or their rewards, writes its
    ///     derivatives by them.
    package func step(
        _ batch: PackedBatch, in space: Workspace, gradients: UnsafeMutablePointer<Float>,
        completed: ((_ start: Int) -> Void)? = nil,
        loss: (_ sequence: Int, _ logps: UnsafeBufferPointer<Double>, _ gradients: UnsafeMutableBufferPointer<Double>)
            -> Void
    ) {
        step(batch, in: space, gradients: gradients, completed: completed, headStep: { stream, normed, dNormed, d in
            if let scalarHead {
                scalarHead.step(
                    stream, normed: normed, dNormed: dNormed, into: d, gradients: gradients, scored: batch.scored,
                    space: space.buffers.head, loss: loss)
            } else {
                head.step(
                    stream, normed: normed, dNormed: dNormed, into: d, gradients: gradients, scored: batch.scored,
                    space: space.buffers.head, loss: loss)
            }
        })
    }

    /// Turns the logps of one sequence's scored tokens, and the values of the states they were drawn in, into the loss's
    /// derivatives by them. All four have an element for each scored token of the sequence, response by response; without
    /// values their buffers mean nothing.
    package typealias TokenLoss = (
        _ sequence: Int, _ logps: UnsafeBufferPointer<Float>, _ values: UnsafeBufferPointer<Float>,
        _ logpGradients: UnsafeMutableBufferPointer<Float>, _ valueGradients: UnsafeMutableBufferPointer<Float>
    ) -> Void

    /// The same with a loss of single tokens and of the values of the states they were drawn in.
    package func step(
        _ batch: PackedBatch, in space: Workspace, gradients: UnsafeMutablePointer<Float>,
        completed: ((_ start: Int) -> Void)? = nil, tokenLoss: TokenLoss
    ) {
        step(batch, in: space, gradients: gradients, completed: completed, headStep: { stream, normed, dNormed, d in
            head.step(
                stream, normed: normed, dNormed: dNormed, into: d, gradients: gradients, scored: batch.scored,
                space: space.buffers.head, tokenLoss: tokenLoss)
        })
    }

    /// Forward, then backward from what `headStep` puts into `d` [A, D], the derivative by the last block's output `stream`;
    /// `normed` and `dNormed` [A, D] are scratch.
    private func step(
        _ batch: PackedBatch, in space: Workspace, gradients: UnsafeMutablePointer<Float>,
        completed: ((_ start: Int) -> Void)?,
        headStep: (_ stream: Matrix, _ normed: Matrix, _ dNormed: Matrix, _ d: Matrix) -> Void
    ) {
        let t = space.buffers.block
        let stream = forward(batch, in: space)
        func matrix(_ base: UnsafeMutablePointer<Float>) -> Matrix {
            Matrix(base, rows: stream.rows, columns: architecture.width)
        }
        headStep(stream, matrix(t.normed), matrix(t.dNormed), matrix(t.dStream))
        completed?(table.blockBorders[blocks.count])
        withRows(of: batch) { all, outputs in
            for layer in blocks.indices.reversed() {
                let rows = layer == blocks.count - 1 ? outputs : all
                // The last block's record is still there.
                if space.recompute, layer < blocks.count - 1 { run(layer, rows, in: space, recordsOnly: true) }
                blocks[layer].backward(
                    t.dStream, input: input(of: layer, rows, in: space),
                    pass(layer, rows, gradients: gradients, in: space))
                completed?(table.blockBorders[layer])
            }
        }
        embedBackward(
            Matrix(t.dStream, rows: batch.tokens.count, columns: architecture.width), batch.tokens, batch.positions,
            gradients: gradients)
        completed?(0)
    }

    /// Computes the input of the first block.
    private func embed(_ tokens: [Int32], _ positions: [Int32], into y: Matrix) {
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
    ///
    /// - Parameter cached: where keys and values are kept and read, in generation.
    func forward(_ batch: PackedBatch, in space: Workspace, cached: CachedRows? = nil) -> Matrix {
        embed(
            batch.tokens, batch.positions,
            into: Matrix(space.buffers.streams[0], rows: batch.tokens.count, columns: architecture.width))
        withRows(of: batch) { all, outputs in
            for layer in blocks.indices { run(layer, layer == blocks.count - 1 ? outputs : all, cached, in: space) }
        }
        return output(of: blocks.count - 1, rows: batch.outputs.count, in: space)
    }

    /// Runs one block on its input in the workspace.
    private func run(
        _ layer: Int, _ rows: LayerRows, _ cached: CachedRows? = nil, in space: Workspace, recordsOnly: Bool = false
    ) {
        blocks[layer].forward(
            input(of: layer, rows, in: space), into: output(of: layer, rows: rows.outputCount, in: space),
            pass(layer, rows, cached, recordsOnly: recordsOnly, in: space))
    }

    /// [T, D]
    private func input(of layer: Int, _ rows: LayerRows, in space: Workspace) -> Matrix {
        let streams = space.buffers.streams
        return rows.matrix(streams[layer % streams.count], architecture.width)
    }

    /// [A, D]
    private func output(of layer: Int, rows: Int, in space: Workspace) -> Matrix {
        let streams = space.buffers.streams
        return Matrix(streams[(layer + 1) % streams.count], rows: rows, columns: architecture.width)
    }

    /// The values that a layer's pass over some rows needs.
    private func pass(
        _ layer: Int, _ rows: LayerRows, _ cached: CachedRows? = nil, gradients: UnsafeMutablePointer<Float>? = nil,
        recordsOnly: Bool = false, in space: Workspace
    ) -> LayerPass {
        let (a, kind, buffers) = (architecture, architecture.layerKinds[layer], space.buffers)
        let record = buffers.records[buffers.records.count == 1 ? 0 : layer]
        let scratch = buffers.block
        return LayerPass(
            architecture: a, layer: kind, rows: rows, values: values, gradients: gradients, record: record,
            scratch: scratch,
            low: LowRankSpace(
                extent: space.low, u: record.u, du: scratch.du, z: record.z, dz: scratch.dz, factors: record.factors,
                dropped: scratch.dropped, normScratch: scratch.normScratch, dropout: rows.dropout,
                weights: rows.weights),
            attention: Attention(
                heads: a.heads, keyHeads: a.keyHeads, width: a.headWidth, scale: kind.scale, cap: a.attentionCap,
                window: kind.window, scratch: buffers.attention, keys: space.extent.keys),
            cached: cached.map { rows in
                (
                    rows, rows.cache[layer],
                    PagedAttention(
                        rows.cache[layer], heads: a.heads, scale: kind.scale, cap: a.attentionCap, window: kind.window,
                        scratch: buffers.attention)
                )
            },
            recordsOnly: recordsOnly, pool: pool)
    }

    /// A table of angles, and for each row of `positions` its row of the table. `sets`: see
    /// `RotaryFrequencies.frequencySet`.
    private func angles(of positions: [Int32], sets: [Int32]) -> (Rotary?, [Int32]) {
        guard let frequencies = architecture.rotary, rotary == nil else { return (rotary, positions) }
        var values: [Int32: [Double]] = [:]
        for set in sets where values[set] == nil { values[set] = frequencies.values(set: Int(set)) }
        let table = Rotary(
            rows: positions.count, half: frequencies.pairs, scale: frequencies.attentionFactor,
            headWidth: architecture.headWidth
        ) { (Double(positions[$0]), values[sets[$0]] ?? []) }
        return (table, positions.indices.map { Int32($0) })
    }

    /// The rows of all blocks but the last, and those of the last.
    private func withRows(of batch: PackedBatch, _ body: (_ all: LayerRows, _ outputs: LayerRows) -> Void) {
        let (rotary, angles) = angles(of: batch.positions, sets: batch.frequencySets)
        let outputAngles = batch.outputs.map { angles[Int($0)] }
        withDropout(of: batch) { dropout in
            withWeights(of: batch) { weights in
                angles.withUnsafeBufferPointer { angles in
                    batch.outputs.withUnsafeBufferPointer { outputs in
                        outputAngles.withUnsafeBufferPointer { outputAngles in
                            let count = batch.tokens.count
                            body(
                                LayerRows(
                                    count: count, rotary: rotary, angles: angles.baseAddress!, outputs: nil,
                                    outputAngles: angles.baseAddress!, outputCount: count, spans: batch.spans,
                                    groups: batch.groups, dropout: dropout, weights: weights),
                                LayerRows(
                                    count: count, rotary: rotary, angles: angles.baseAddress!,
                                    outputs: outputs.baseAddress!, outputAngles: outputAngles.baseAddress!,
                                    outputCount: batch.outputs.count, spans: batch.outputSpans,
                                    groups: batch.outputGroups, dropout: dropout, weights: weights))
                        }
                    }
                }
            }
        }
    }

    /// The weights of a batch for a model with adapters for several objectives.
    private func withWeights(of batch: PackedBatch, _ body: (RowWeights?) -> Void) {
        guard case .adapters(let adaptation) = table.trainable, !adaptation.config.objectives.isEmpty else {
            return body(nil)
        }
        guard let weights = batch.weights, weights.objectives == adaptation.config.objectives.count else {
            preconditionFailure("adapters for several objectives read a batch without weights")
        }
        let outputs = batch.outputs.map { weights.sequences[Int($0)] }
        weights.sequences.withUnsafeBufferPointer { sequences in
            outputs.withUnsafeBufferPointer { outputs in
                weights.values.withUnsafeBufferPointer { values in
                    body(
                        RowWeights(
                            sequences: sequences.baseAddress!, rows: sequences.count,
                            outputSequences: outputs.baseAddress!, weights: values.baseAddress!,
                            objectives: weights.objectives))
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
