import Kernels

/// The final norm, the vocabulary product and log softmax, at the scored tokens only and a chunk at a time: the T × V
/// logits never exist. A pair's loss is applied while its logits are in the chunk; only a sequence with more scored tokens
/// than a chunk has rows needs its logits a second time.
struct ResponseHead {
    let architecture: Architecture
    let table: ParameterTable
    let values: Values
    let pool: ThreadPool
    /// What logits are divided by.
    var temperature: Double = 1
    private let norm: Normalization
    /// Reads values beside the logits, in a model that has them.
    private let critic: ValueHead?

    init(architecture: Architecture, table: ParameterTable, values: Values, pool: ThreadPool) {
        (self.architecture, self.table, self.values, self.pool) = (architecture, table, values, pool)
        norm = Normalization(architecture, table.finalNorm)
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
        normalize(hidden, into: hidden, space)
        for chunk in stride(from: 0, to: scored.rows.count, by: space.chunk) {
            score(chunk..<min(scored.rows.count, chunk + space.chunk), hidden, scored, space)
        }
    }

    /// Logits of output rows [A, D], which become normalised in place: `body` gets those of some rows at a time, [rows, V].
    func logits(of hidden: Matrix, space: Workspace.HeadSpace, _ body: (_ rows: Range<Int>, Matrix) -> Void) {
        normalize(hidden, into: hidden, space)
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
            differentiate: { apply(loss, to: $0, scored, space) })
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
        normalize(stream, into: normed, space)
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
        RowMoves.clear(d, on: pool)
        norm.backward(
            dNormed, input: stream, into: d, statistics: space.statistics, gradients: gradients,
            values, on: pool)
    }

    private func normalize(_ x: Matrix, into y: Matrix, _ space: Workspace.HeadSpace) {
        norm.forward(x, into: y, statistics: space.statistics, values, on: pool)
    }

    /// Logits of some rows.
    private func project(_ hidden: Matrix, into logits: Matrix) {
        switch table.head {
        case .trained(let start):
            Linear.forward(hidden, weight: matrix(values.trained + start), into: logits, on: pool)
        case .frozen(let number): Linear.forward(hidden, weight: values.matrices[number], into: logits, on: pool)
        }
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
        normalize(hidden, into: hidden, space)
        for piece in pieces(of: 0..<scored.rows.count, space.chunk) {
            let rows = Matrix(space.hidden, rows: piece.count, columns: architecture.width)
            let logits = Matrix(space.logits, rows: piece.count, columns: architecture.vocabulary)
            scored.rows.withUnsafeBufferPointer {
                RowMoves.gather(hidden, $0.baseAddress! + piece.lowerBound, into: rows, on: pool)
            }
            project(rows, into: logits)
            body(piece, logits)
        }
    }

    private func matrix(_ base: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(base, rows: architecture.vocabulary, columns: architecture.width)
    }

    /// Logits of a piece of the scored tokens, and their logps.
    private func score(
        _ piece: Range<Int>, _ normed: Matrix, _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) {
        let hidden = Matrix(space.hidden, rows: piece.count, columns: architecture.width)
        let logits = Matrix(space.logits, rows: piece.count, columns: architecture.vocabulary)
        scored.rows.withUnsafeBufferPointer {
            RowMoves.gather(normed, $0.baseAddress! + piece.lowerBound, into: hidden, on: pool)
        }
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
        switch table.head {
        case .trained(let start):
            Linear.backwardInput(
                logits, weight: matrix(values.trained + start), into: dHidden, adding: false, on: pool)
            Linear.backwardWeight(logits, hidden, into: matrix(gradients + start), on: pool)
        case .frozen(let number):
            Linear.backwardInput(logits, weight: values.matrices[number], into: dHidden, adding: false, on: pool)
        }
        critic?.backward(
            space.valueGradients + piece.lowerBound, hidden, adding: dHidden, gradients: gradients)
        scored.rows.withUnsafeBufferPointer {
            RowMoves.scatterAdd(dHidden, $0.baseAddress! + piece.lowerBound, into: dNormed, on: pool)
        }
    }

    /// Sums a sequence's token logps by response, asks for the loss's derivatives, and gives each token its response's.
    private func apply(_ loss: Loss, to sequence: Int, _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace)
    {
        let responses = scored.sequences[sequence]
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * responses.count) { values in
            let logps = UnsafeMutableBufferPointer(rebasing: values[..<responses.count])
            let gradients = UnsafeMutableBufferPointer(rebasing: values[responses.count..<2 * responses.count])
            for (place, range) in responses.enumerated() {
                logps[place] = range.reduce(0.0) { $0 + Double(space.logps[$1]) }
                gradients[place] = 0
            }
            loss(sequence, UnsafeBufferPointer(logps), gradients)
            for (place, range) in responses.enumerated() {
                (space.gradients + range.lowerBound).update(repeating: Float(gradients[place]), count: range.count)
            }
        }
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
