import Kernels

/// The places of a block where a norm may stand or not.
extension Block {
    // MARK: - Before attention and the feed-forward network

    /// norm(x) in `y`, or x itself where there is none.
    func normed(
        _ x: Matrix, _ norm: Normalization?, into y: Matrix, _ statistics: UnsafeMutablePointer<Float>, _ pass: Pass
    ) -> Matrix {
        guard let norm else { return x }
        norm.forward(x, into: y, statistics: statistics, pass.values, on: pool)
        return y
    }

    /// What `normed` returned, once more.
    func restored(
        _ x: Matrix, _ norm: Normalization?, into y: Matrix, _ statistics: UnsafeMutablePointer<Float>, _ pass: Pass
    ) -> Matrix {
        guard let norm else { return x }
        norm.restore(x, into: y, statistics: statistics, pass.values, on: pool)
        return y
    }

    // MARK: - After them

    /// y += norm(x Wᵀ + b), or without the norm; `product` keeps what enters the norm.
    func add(
        _ projection: Projection, of x: Matrix, _ norm: Normalization?, into y: Matrix, keeping product: Matrix,
        _ statistics: UnsafeMutablePointer<Float>, _ t: Workspace.Transient, _ pass: Pass
    ) {
        guard let norm else { return projection.forward(x, into: y, adding: true, pass) }
        let n = Matrix(t.normed, rows: y.rows, columns: y.columns)
        projection.forward(x, into: product, pass)
        norm.forward(product, into: n, statistics: statistics, pass.values, on: pool)
        RowMoves.add(n, into: y, on: pool)
    }

    /// The derivative by what entered the norm of `add`, in `dNormed`; dy itself where there is none.
    func beforeNorm(
        _ dy: Matrix, _ norm: Normalization?, _ product: Matrix, _ statistics: UnsafeMutablePointer<Float>,
        _ rows: Rows, _ gradients: UnsafeMutablePointer<Float>, _ t: Workspace.Transient, _ pass: Pass
    ) -> Matrix {
        guard let norm else { return dy }
        let d = rows.outputMatrix(t.dNormed, dy.columns)
        RowMoves.clear(d, on: pool)
        norm.backward(dy, input: product, into: d, statistics: statistics, gradients: gradients, pass.values, on: pool)
        return d
    }

    // MARK: - Of queries and keys

    /// x becomes norm(x); `plain` keeps what it was.
    func normInPlace(
        _ norm: Normalization, _ x: Matrix, keeping plain: Matrix, _ statistics: UnsafeMutablePointer<Float>,
        _ pass: Pass
    ) {
        RowMoves.copy(x, into: plain, on: pool)
        norm.forward(plain, into: x, statistics: statistics, pass.values, on: pool)
    }

    /// dx becomes the derivative by what entered `normInPlace`, by way of `d`.
    func normBackwardInPlace(
        _ norm: Normalization, _ dx: Matrix, _ plain: Matrix, by d: Matrix,
        _ statistics: UnsafeMutablePointer<Float>, _ gradients: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        RowMoves.clear(d, on: pool)
        norm.backward(dx, input: plain, into: d, statistics: statistics, gradients: gradients, pass.values, on: pool)
        RowMoves.copy(d, into: dx, on: pool)
    }
}
