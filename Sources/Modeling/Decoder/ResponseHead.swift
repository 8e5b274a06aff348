import Kernels

/// The final norm, the vocabulary product and log softmax, at the scored tokens only and a chunk at a time: the T × V
/// logits never exist. A pair's loss is applied while its logits are in the chunk; only a sequence with more scored tokens
/// than a chunk has rows needs its logits a second time.
struct ResponseHead {
    private let layers: HeadLayers
    private var architecture: Architecture { layers.architecture }
    private var pool: ThreadPool { layers.pool }
    /// The divisor of logits.
    var temperature: Double = 1
    /// Reads values beside the logits, in a model that has them.
    private let critic: ValueHead?

    init(architecture: Architecture, table: ParameterTable, values: Values, pool: ThreadPool) {
        layers = HeadLayers(architecture: architecture, table: table, values: values, pool: pool)
        critic = table.valueHead.map { ValueHead(start: $0.range.lowerBound, width: architecture.width, values, pool) }
    }

    /// Turns the logps of one sequence's responses into the loss's derivatives by them. Both buffers have an element per
    /// response.
    typealias Loss = (
        _ sequence: Int, _ logps: UnsafeBufferPointer<Double>, _ gradients: UnsafeMutableBufferPointer<Double>
    ) -> Void

    /// Rows of a chunk: 48 MiB of logits, so that they stay near the cache, but no fewer than 64 rows.
    static func chunkRows(vocabulary: Int) -> Int { max(64, min(2048, (48 << 20) / (4 * vocabulary))) }

    /// Logps of all scored tokens, into `space.logps`.
    ///
    /// - Parameter hidden: [A, D] output of the last block; becomes normalised in place.
    func forward(
        _ hidden: Matrix, scored: PackedBatch.ScoredTokens, space: Workspace.HeadSpace
    ) {
        layers.normalize(hidden, into: hidden, space)
        for chunk in stride(from: 0, to: scored.rows.count, by: space.chunk) {
            score(chunk..<min(scored.rows.count, chunk + space.chunk), hidden, scored, space)
        }
    }

    /// Logits of output rows [A, D], which become normalised in place: `body` gets those of some rows at a time, [rows, V].
    func logits(of hidden: Matrix, space: Workspace.HeadSpace, _ body: (_ rows: Range<Int>, Matrix) -> Void) {
        layers.normalize(hidden, into: hidden, space)
        for start in stride(from: 0, to: hidden.rows, by: space.chunk) {
            let rows = start..<min(hidden.rows, start + space.chunk)
            let logits = Matrix(space.logits, rows: rows.count, columns: architecture.vocabulary)
            project(hidden.rows(rows), into: logits)
            body(rows, logits)
        }
    }

    /// Forward, loss and backward: `d` [A, D] receives the derivative of the loss by the last block's output.
    ///
    /// - Parameters:
    ///   - stream: [A, D] output of the last block.
    ///   - normed: [A, D] scratch for the normalised rows.
    ///   - dNormed: [A, D] scratch for their gradients.
    func step(
        _ stream: Matrix, normed: Matrix, dNormed: Matrix, into d: Matrix,
        gradients: UnsafeMutablePointer<Float>, scored: PackedBatch.ScoredTokens, space: Workspace.HeadSpace,
        loss: Loss
    ) {
        step(
            stream, normed: normed, dNormed: dNormed, into: d, gradients: gradients, scored: scored, space: space,
            differentiate: { layers.apply(loss, to: $0, scored, space) })
    }

    /// The same with a loss of single tokens.
    func step(
        _ stream: Matrix, normed: Matrix, dNormed: Matrix, into d: Matrix,
        gradients: UnsafeMutablePointer<Float>, scored: PackedBatch.ScoredTokens, space: Workspace.HeadSpace,
        tokenLoss: Transformer.TokenLoss
    ) {
        step(
            stream, normed: normed, dNormed: dNormed, into: d, gradients: gradients, scored: scored, space: space,
            differentiate: { sequence in
                let range = tokens(of: sequence...sequence, scored)
                let (start, count) = (range.lowerBound, range.count)
                tokenLoss(
                    sequence, UnsafeBufferPointer(start: space.logps + start, count: count),
                    UnsafeBufferPointer(start: space.values + start, count: count),
                    UnsafeMutableBufferPointer(start: space.gradients + start, count: count),
                    UnsafeMutableBufferPointer(start: space.valueGradients + start, count: count))
            })
    }

    /// - Parameter differentiate: puts a sequence's derivatives into `space`, whose logps are there.
    private func step(
        _ stream: Matrix, normed: Matrix, dNormed: Matrix, into d: Matrix,
        gradients: UnsafeMutablePointer<Float>, scored: PackedBatch.ScoredTokens, space: Workspace.HeadSpace,
        differentiate: (_ sequence: Int) -> Void
    ) {
        layers.normalize(stream, into: normed, space)
        RowMoves.clear(dNormed, on: pool)
        var first = 0
        while first < scored.sequences.count {
            let last = lastSequence(from: first, scored, chunk: space.chunk)
            let range = tokens(of: first...last, scored)
            let fits = range.count <= space.chunk
            for piece in pieces(of: range, space.chunk) { score(piece, normed, scored, space) }
            for sequence in first...last { differentiate(sequence) }
            for piece in pieces(of: range, space.chunk) {
                if !fits { score(piece, normed, scored, space) }
                backward(piece, normed: normed, dNormed: dNormed, gradients, scored, space)
            }
            first = last + 1
        }
        layers.normalizeBackward(dNormed, input: stream, into: d, gradients, space)
    }

    /// Logits of some rows.
    private func project(_ hidden: Matrix, into logits: Matrix) {
        layers.project(hidden, into: logits)
        if let cap = architecture.logitCap { SoftCap.forward(logits, cap: cap, on: pool) }
        if temperature != 1 { LogitScale.multiply(logits, by: Float(1 / temperature), on: pool) }
    }

    /// Logits of all scored tokens of a batch: `body` gets those of some at a time, [tokens, V].
    ///
    /// - Parameter hidden: [A, D] output of the last block; becomes normalised in place.
    func scoredLogits(
        of hidden: Matrix, scored: PackedBatch.ScoredTokens, space: Workspace.HeadSpace,
        _ body: (_ tokens: Range<Int>, Matrix) -> Void
    ) {
        layers.normalize(hidden, into: hidden, space)
        for piece in pieces(of: 0..<scored.rows.count, space.chunk) {
            let logits = Matrix(space.logits, rows: piece.count, columns: architecture.vocabulary)
            project(layers.gathered(piece, of: hidden, scored, space), into: logits)
            body(piece, logits)
        }
    }

    /// Logits of a piece of the scored tokens, and their logps.
    private func score(
        _ piece: Range<Int>, _ normed: Matrix, _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) {
        let logits = Matrix(space.logits, rows: piece.count, columns: architecture.vocabulary)
        let hidden = layers.gathered(piece, of: normed, scored, space)
        project(hidden, into: logits)
        scored.targets.withUnsafeBufferPointer {
            TokenLogps.forward(
                logits, targets: $0.baseAddress! + piece.lowerBound,
                normalizers: space.normalizers + piece.lowerBound, logps: space.logps + piece.lowerBound, on: pool)
        }
        critic?.forward(hidden, into: space.values + piece.lowerBound)
    }

    /// The gradients of a piece whose logits are in the chunk.
    private func backward(
        _ piece: Range<Int>, normed: Matrix, dNormed: Matrix, _ gradients: UnsafeMutablePointer<Float>,
        _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) {
        let hidden = Matrix(space.hidden, rows: piece.count, columns: architecture.width)
        let dHidden = Matrix(space.dHidden, rows: piece.count, columns: architecture.width)
        let logits = Matrix(space.logits, rows: piece.count, columns: architecture.vocabulary)
        scored.targets.withUnsafeBufferPointer {
            let targets = $0.baseAddress! + piece.lowerBound
            let (normalizers, gradients) = (space.normalizers + piece.lowerBound, space.gradients + piece.lowerBound)
            if let cap = architecture.logitCap {
                TokenLogps.backward(
                    logits, cap: cap, targets: targets, normalizers: normalizers, gradients: gradients, on: pool)
            } else {
                TokenLogps.backward(
                    logits, targets: targets, normalizers: normalizers, gradients: gradients, on: pool)
            }
        }
        if temperature != 1 { LogitScale.multiply(logits, by: Float(1 / temperature), on: pool) }
        layers.projectBackward(logits, hidden: hidden, into: dHidden, gradients)
        critic?.backward(
            space.valueGradients + piece.lowerBound, hidden, adding: dHidden, gradients: gradients)
        layers.scatterAdd(dHidden, of: piece, scored, into: dNormed)
    }

    // MARK: - Chunks of whole sequences

    /// The last of the sequences from `first` on that fit into a chunk together; `first` itself if it doesn't fit alone.
    private func lastSequence(from first: Int, _ scored: PackedBatch.ScoredTokens, chunk: Int) -> Int {
        var last = first
        while last + 1 < scored.sequences.count, tokens(of: first...last + 1, scored).count <= chunk { last += 1 }
        return last
    }

    private func tokens(of sequences: ClosedRange<Int>, _ scored: PackedBatch.ScoredTokens) -> Range<Int> {
        let start = scored.sequences[sequences.lowerBound].first?.lowerBound ?? 0
        return start..<(scored.sequences[sequences.upperBound].last?.upperBound ?? start)
    }

    private func pieces(of range: Range<Int>, _ chunk: Int) -> [Range<Int>] {
        stride(from: range.lowerBound, to: range.upperBound, by: chunk).map { $0..<min(range.upperBound, $0 + chunk) }
    }
}
