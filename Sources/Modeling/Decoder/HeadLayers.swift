import Kernels

/// The layers of a head: the final norm and the product with its matrix [outputs, D]. A language model has an output for
/// each token of the vocabulary and a reward model one; the rows are those that predict scored tokens.
struct HeadLayers {
    let architecture: Architecture
    let pool: ThreadPool
    private let place: Place
    private let values: Values
    private let norm: Normalization

    init(architecture: Architecture, table: ParameterTable, values: Values, pool: ThreadPool) {
        (self.architecture, self.values, self.pool) = (architecture, values, pool)
        place = table.head
        norm = Normalization(architecture, table.finalNorm)
    }

    // MARK: - Norm

    func normalize(_ x: Matrix, into y: Matrix, _ space: Workspace.HeadSpace) {
        norm.forward(x, into: y, statistics: space.statistics, values, on: pool)
    }

    /// `d` [A, D] becomes the derivative by the rows that were normalised.
    func normalizeBackward(
        _ dNormed: Matrix, input: Matrix, into d: Matrix, _ gradients: UnsafeMutablePointer<Float>,
        _ space: Workspace.HeadSpace
    ) {
        RowMoves.clear(d, on: pool)
        norm.backward(
            dNormed, input: input, into: d, statistics: space.statistics, gradients: gradients, values, on: pool)
    }

    // MARK: - Product

    /// The outputs of some rows.
    func project(_ hidden: Matrix, into outputs: Matrix) {
        switch place {
        case .trained(let start):
            Linear.forward(hidden, weight: matrix(values.trained + start), into: outputs, on: pool)
        case .frozen(let number): Linear.forward(hidden, weight: values.matrices[number], into: outputs, on: pool)
        }
    }

    func projectBackward(
        _ dOutputs: Matrix, hidden: Matrix, into dHidden: Matrix, _ gradients: UnsafeMutablePointer<Float>
    ) {
        switch place {
        case .trained(let start):
            Linear.backwardInput(
                dOutputs, weight: matrix(values.trained + start), into: dHidden, adding: false, on: pool)
            Linear.backwardWeight(dOutputs, hidden, into: matrix(gradients + start), on: pool)
        case .frozen(let number):
            Linear.backwardInput(dOutputs, weight: values.matrices[number], into: dHidden, adding: false, on: pool)
        }
    }

    private func matrix(_ base: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(base, rows: architecture.outputs, columns: architecture.width)
    }

    // MARK: - Scored tokens

    /// The rows that predict a piece of the scored tokens.
    func gathered(
        _ piece: Range<Int>, of normed: Matrix, _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) -> Matrix {
        let hidden = Matrix(space.hidden, rows: piece.count, columns: architecture.width)
        scored.rows.withUnsafeBufferPointer {
            RowMoves.gather(normed, $0.baseAddress! + piece.lowerBound, into: hidden, on: pool)
        }
        return hidden
    }

    func scatterAdd(
        _ dHidden: Matrix, of piece: Range<Int>, _ scored: PackedBatch.ScoredTokens, into dNormed: Matrix
    ) {
        scored.rows.withUnsafeBufferPointer {
            RowMoves.scatterAdd(dHidden, $0.baseAddress! + piece.lowerBound, into: dNormed, on: pool)
        }
    }

    /// Sums a sequence's numbers by response (logps of tokens, or a reward alone), asks for the loss's derivatives, and gives
    /// each token its response's.
    func apply(
        _ loss: ResponseHead.Loss, to sequence: Int, _ scored: PackedBatch.ScoredTokens, _ space: Workspace.HeadSpace
    ) {
        let responses = scored.sequences[sequence]
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * responses.count) { values in
            let sums = UnsafeMutableBufferPointer(rebasing: values[..<responses.count])
            let gradients = UnsafeMutableBufferPointer(rebasing: values[responses.count..<2 * responses.count])
            for (place, range) in responses.enumerated() {
                sums[place] = range.reduce(0.0) { $0 + Double(space.logps[$1]) }
                gradients[place] = 0
            }
            loss(sequence, UnsafeBufferPointer(sums), gradients)
            for (place, range) in responses.enumerated() {
                (space.gradients + range.lowerBound).update(repeating: Float(gradients[place]), count: range.count)
            }
        }
    }
}
