import Kernels

/// The final norm and one product with a vector, w · x, at the last token of every response: a reward model's head, in the
/// place of `ResponseHead`. A batch for such a model has one scored row for each response (see `PackedBatch`).
struct ScalarHead {
    let architecture: Architecture
    let table: ParameterTable
    let values: Values
    let pool: ThreadPool
    private let norm: Normalization

    init(architecture: Architecture, table: ParameterTable, values: Values, pool: ThreadPool) {
        (self.architecture, self.table, self.values, self.pool) = (architecture, table, values, pool)
        norm = Normalization(architecture, table.finalNorm)
    }

    /// Rewards of all responses, into `space.logps`.
    ///
    /// - Parameter hidden: [A, D] output of the last block; becomes normalised in place.
    func forward(_ hidden: Matrix, scored: PackedBatch.ScoredTokens, space: Workspace.HeadSpace) {
        norm.forward(hidden, into: hidden, statistics: space.statistics, values, on: pool)
        for piece in pieces(scored, space) { score(piece, hidden, scored, space) }
    }

    /// Forward, loss and backward: `d` [A, D] receives the derivative of the loss by the last block's output. See
    /// `ResponseHead.step`.
    func step(
        _ stream: Matrix, normed: Matrix, dNormed: Matrix, into d: Matrix,
        gradients: UnsafeMutablePointer<Float>, scored: PackedBatch.ScoredTokens, space: Workspace.HeadSpace,
        loss: ResponseHead.Loss
    ) {
        norm.forward(stream, into: normed, statistics: space.statistics, values, on: pool)
        RowMoves.clear(dNormed, on: pool)
        for piece in pieces(scored, space) { score(piece, normed, scored, space) }
        for sequence in scored.sequences.indices { apply(loss, to: sequence, scored, space) }
        for piece in pieces(scored, space) {
            backward(piece, normed: normed, dNormed: dNormed, gradients, scored, space)
        }
        RowMoves.clear(d, on: pool)
        norm.backward(
            dNormed, input: stream, into: d, statistics: space.statistics, gradients: gradients, values, on: pool)
    }

    /// r = w · x of some responses.
    private func score(
        _ piece: Range<Int>, _ normed: Matrix, _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) {
        let hidden = gathered(piece, normed, scored, space)
        let rewards = Matrix(space.logps + piece.lowerBound, rows: piece.count, columns: 1)
        switch table.head {
        case .trained(let start): Linear.forward(hidden, weight: row(values.trained + start), into: rewards, on: pool)
        case .frozen(let number): Linear.forward(hidden, weight: values.matrices[number], into: rewards, on: pool)
        }
    }

    /// ∂ℓ/∂x = ∂ℓ/∂r w and ∂ℓ/∂w = Σ ∂ℓ/∂r x.
    private func backward(
        _ piece: Range<Int>, normed: Matrix, dNormed: Matrix, _ gradients: UnsafeMutablePointer<Float>,
        _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) {
        let hidden = gathered(piece, normed, scored, space)
        let dHidden = Matrix(space.dHidden, rows: piece.count, columns: architecture.width)
        let dRewards = Matrix(space.gradients + piece.lowerBound, rows: piece.count, columns: 1)
        switch table.head {
        case .trained(let start):
            Linear.backwardInput(
                dRewards, weight: row(values.trained + start), into: dHidden, adding: false, on: pool)
            Linear.backwardWeight(dRewards, hidden, into: row(gradients + start), on: pool)
        case .frozen(let number):
            Linear.backwardInput(dRewards, weight: values.matrices[number], into: dHidden, adding: false, on: pool)
        }
        scored.rows.withUnsafeBufferPointer {
            RowMoves.scatterAdd(dHidden, $0.baseAddress! + piece.lowerBound, into: dNormed, on: pool)
        }
    }

    private func gathered(
        _ piece: Range<Int>, _ normed: Matrix, _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) -> Matrix {
        let hidden = Matrix(space.hidden, rows: piece.count, columns: architecture.width)
        scored.rows.withUnsafeBufferPointer {
            RowMoves.gather(normed, $0.baseAddress! + piece.lowerBound, into: hidden, on: pool)
        }
        return hidden
    }

    /// Asks for the loss's derivatives by the rewards of a sequence's responses.
    private func apply(
        _ loss: ResponseHead.Loss, to sequence: Int, _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) {
        let places = scored.sequences[sequence].map(\.lowerBound)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * places.count) { values in
            let rewards = UnsafeMutableBufferPointer(rebasing: values[..<places.count])
            let gradients = UnsafeMutableBufferPointer(rebasing: values[places.count..<2 * places.count])
            for (response, place) in places.enumerated() {
                rewards[response] = Double(space.logps[place])
                gradients[response] = 0
            }
            loss(sequence, UnsafeBufferPointer(rewards), gradients)
            for (response, place) in places.enumerated() { space.gradients[place] = Float(gradients[response]) }
        }
    }

    private func row(_ base: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(base, rows: 1, columns: architecture.width)
    }

    private func pieces(_ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace) -> [Range<Int>] {
        let count = scored.rows.count
        return stride(from: 0, to: count, by: space.chunk).map { $0..<min(count, $0 + space.chunk) }
    }
}
