/// The low-rank term of an adapted linear map (LoRA, arXiv 2106.09685), y += s · x Aᵀ Bᵀ, and its derivatives. Shapes: x [T, K],
/// A [r, K] kept as Aᵀ [K, r], B [N, r], y [T, N].
///
/// The wide products y = x Wᵀ and dx = dy W take what the term adds to them as more depth: see `Linear`.
package enum LowRank {
    /// A low-rank term of a wide product: low · factorᵀ.
    package struct Term {
        /// [T, r]
        let low: Matrix
        /// [the product's columns, r]
        let factor: Matrix

        package init(low: Matrix, factor: Matrix) { (self.low, self.factor) = (low, factor) }
    }

    /// u = s · x Aᵀ, with which the wide product makes y += u Bᵀ.
    package static func reduce(_ x: Matrix, down: Matrix, scale: Float, into u: Matrix, on pool: ThreadPool) {
        MatrixProduct.run(
            Operand(rowsOf: x), rows: u.rows, Operand(columnsOf: down), columns: u.columns, depth: x.columns, into: u,
            adding: false, on: pool)
        multiply(u, by: scale, on: pool)
    }

    /// du = s · dy B, the derivative by x Aᵀ, with which the wide product makes dx += du A.
    package static func backward(_ dy: Matrix, up: Matrix, scale: Float, into du: Matrix, on pool: ThreadPool) {
        MatrixProduct.run(
            Operand(rowsOf: dy), rows: du.rows, Operand(columnsOf: up), columns: du.columns, depth: dy.columns,
            into: du, adding: false, on: pool)
        multiply(du, by: scale, on: pool)
    }

    /// y = low · factorᵀ
    package static func expand(_ term: Term, into y: Matrix, on pool: ThreadPool) {
        MatrixProduct.run(
            Operand(rowsOf: term.low), rows: y.rows, Operand(rowsOf: term.factor), columns: y.columns,
            depth: term.low.columns, into: y, adding: false, on: pool)
    }

    /// dB += dyᵀ u and dAᵀ += xᵀ du
    package static func backwardWeights(
        _ dy: Matrix, u: Matrix, into dUp: Matrix, _ x: Matrix, du: Matrix, into dDown: Matrix, on pool: ThreadPool
    ) {
        MatrixProduct.run(
            Operand(columnsOf: dy), rows: dUp.rows, Operand(columnsOf: u), columns: dUp.columns, depth: dy.rows,
            into: dUp, adding: true, on: pool)
        MatrixProduct.run(
            Operand(columnsOf: x), rows: dDown.rows, Operand(columnsOf: du), columns: dDown.columns, depth: x.rows,
            into: dDown, adding: true, on: pool)
    }

    private static func multiply(_ x: Matrix, by scale: Float, on pool: ThreadPool) {
        if scale == 1 { return }
        pool.chunks(of: x.rows, size: 64) { rows in
            for t in rows {
                let row = x.row(t)
                for i in 0..<x.columns { row[i] *= scale }
            }
        }
    }
}
