import Kernels

/// The final norm and one product with a vector, w · x, at the last token of every response: a reward model's head, in the
/// place of `ResponseHead`. A batch for such a model has one scored row for each response (see `PackedBatch`).
struct ScalarHead {
    private let layers: HeadLayers

    init(architecture: Architecture, table: ParameterTable, values: Values, pool: ThreadPool) {
        layers = HeadLayers(architecture: architecture, table: table, values: values, pool: pool)
    }

    /// Rewards of all responses, into `space.logps`.
    ///
    /// - Parameter hidden: [A, D] output of the last block; becomes normalised in place.
    func forward(_ hidden: Matrix, scored: PackedBatch.ScoredTokens, space: Workspace.HeadSpace) {
        layers.normalize(hidden, into: hidden, space)
        for piece in pieces(scored, space) { score(piece, hidden, scored, space) }
    }

    /// Forward, loss and backward: `d` [A, D] receives the derivative of the loss by the last block's output. See
    /// `ResponseHead.step`.
    func step(
        _ stream: Matrix, normed: Matrix, dNormed: Matrix, into d: Matrix,
        gradients: UnsafeMutablePointer<Float>, scored: PackedBatch.ScoredTokens, space: Workspace.HeadSpace,
        loss: ResponseHead.Loss
    ) {
        layers.normalize(stream, into: normed, space)
        RowMoves.clear(dNormed, on: layers.pool)
        for piece in pieces(scored, space) { score(piece, normed, scored, space) }
        for sequence in scored.sequences.indices { layers.apply(loss, to: sequence, scored, space) }
        for piece in pieces(scored, space) {
            backward(piece, normed: normed, dNormed: dNormed, gradients, scored, space)
        }
        layers.normalizeBackward(dNormed, input: stream, into: d, gradients, space)
    }

    /// r = w · x of some responses.
    private func score(
        _ piece: Range<Int>, _ normed: Matrix, _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) {
        layers.project(
            layers.gathered(piece, of: normed, scored, space),
            into: Matrix(space.logps + piece.lowerBound, rows: piece.count, columns: 1))
    }

    /// ∂ℓ/∂x = ∂ℓ/∂r w and ∂ℓ/∂w = Σ ∂ℓ/∂r x.
    private func backward(
        _ piece: Range<Int>, normed: Matrix, dNormed: Matrix, _ gradients: UnsafeMutablePointer<Float>,
        _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) {
        let hidden = layers.gathered(piece, of: normed, scored, space)
        let dHidden = Matrix(space.dHidden, rows: piece.count, columns: hidden.columns)
        let dRewards = Matrix(space.gradients + piece.lowerBound, rows: piece.count, columns: 1)
        layers.projectBackward(dRewards, hidden: hidden, into: dHidden, gradients)
        layers.scatterAdd(dHidden, of: piece, scored, into: dNormed)
    }

    private func pieces(_ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace) -> [Range<Int>] {
        let count = scored.rows.count
        return stride(from: 0, to: count, by: space.chunk).map { $0..<min(count, $0 + space.chunk) }
    }
}
