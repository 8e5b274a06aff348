import Kernels

/// The norms of a block, each of which a model may have or not.
extension Normalization? {
    // MARK: - Before attention and the feed-forward network

    /// norm(x) in `y`, or x itself where there is none.
    func forward(_ x: Matrix, into y: Matrix, _ record: Record.Norm, _ pass: LayerPass) -> Matrix {
        guard let norm = self else { return x }
        norm.forward(x, into: y, statistics: record.statistics, pass.values, on: pass.pool)
        return y
    }

    /// Computes the result of `forward` once more.
    func restore(_ x: Matrix, into y: Matrix, _ record: Record.Norm, _ pass: LayerPass) -> Matrix {
        guard let norm = self else { return x }
        norm.restore(x, into: y, statistics: record.statistics, pass.values, on: pass.pool)
        return y
    }

    /// dx += the derivative by x; dn is dx itself where there is none.
    func backward(_ dn: Matrix, input x: Matrix, into dx: Matrix, _ record: Record.Norm, _ pass: LayerPass) {
        self?.backward(
            dn, input: x, into: dx, statistics: record.statistics, gradients: pass.gradients, pass.values,
            on: pass.pool)
    }

    // MARK: - After them

    /// y += norm(x Wᵀ + b), or without the norm; the record keeps what enters it.
    func add(_ projection: Projection, of x: Matrix, to y: Matrix, _ record: Record.Norm, _ pass: LayerPass) {
        guard let norm = self else { return projection.forward(x, into: y, adding: true, pass) }
        let product = pass.rows.outputMatrix(record.input, y.columns)
        projection.forward(x, into: product, pass)
        norm.forward(
            product, into: pass.outputNormed, statistics: record.statistics, pass.values, on: pass.pool)
        RowMoves.add(pass.outputNormed, into: y, on: pass.pool)
    }

    /// The derivative by what entered the norm of `add`; dy itself where there is none.
    func addBackward(_ dy: Matrix, _ record: Record.Norm, _ pass: LayerPass) -> Matrix {
        guard let norm = self else { return dy }
        let d = pass.dOutputNormed
        RowMoves.clear(d, on: pass.pool)
        norm.backward(
            dy, input: pass.rows.outputMatrix(record.input, dy.columns), into: d, statistics: record.statistics,
            gradients: pass.gradients, pass.values, on: pass.pool)
        return d
    }

    // MARK: - Of queries and keys

    /// x becomes norm(x); the record keeps what it was.
    func forwardInPlace(_ x: Matrix, _ record: Record.Norm, _ pass: LayerPass) {
        guard let norm = self else { return }
        let plain = Matrix(record.input, rows: x.rows, columns: x.columns)
        RowMoves.copy(x, into: plain, on: pass.pool)
        norm.forward(plain, into: x, statistics: record.statistics, pass.values, on: pass.pool)
    }

    /// dx becomes the derivative by what entered `forwardInPlace`, by way of `d`.
    func backwardInPlace(_ dx: Matrix, by d: Matrix, _ record: Record.Norm, _ pass: LayerPass) {
        guard let norm = self else { return }
        RowMoves.clear(d, on: pass.pool)
        norm.backward(
            dx, input: Matrix(record.input, rows: dx.rows, columns: dx.columns), into: d,
            statistics: record.statistics, gradients: pass.gradients, pass.values, on: pass.pool)
        RowMoves.copy(d, into: dx, on: pass.pool)
    }
}
