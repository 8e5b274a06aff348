/// The low-rank term of an adapted linear map (LoRA, arXiv 2106.09685): y += s · x Aᵀ Bᵀ and its derivatives, in two narrow
/// products each. Shapes: x [T, K], A [r, K] kept as Aᵀ [K, r], B [N, r], y [T, N].
public enum LowRank {
    /// u = s · x Aᵀ, which the backward pass needs, and y += u Bᵀ
    ///
    /// - Parameter u: [T, r]
    public static func forward(
        _ x: Matrix, down: Matrix, scale: Float, up: Matrix, u: Matrix, into y: Matrix, on pool: ThreadPool
    ) {
        reduce(x, down: down, scale: scale, into: u, on: pool)
        MatrixProduct.run(
            Operand(rowsOf: u), rows: y.rows, Operand(rowsOf: up), columns: y.columns, depth: u.columns, into: y,
            adding: true, on: pool)
    }

    /// u = s · x Aᵀ
    public static func reduce(_ x: Matrix, down: Matrix, scale: Float, into u: Matrix, on pool: ThreadPool) {
        MatrixProduct.run(
            Operand(rowsOf: x), rows: u.rows, Operand(columnsOf: down), columns: u.columns, depth: x.columns, into: u,
            adding: false, on: pool)
        multiply(u, by: scale, on: pool)
    }

    /// du = s · dy B: the derivative by x Aᵀ.
    public static func backward(_ dy: Matrix, up: Matrix, scale: Float, into du: Matrix, on pool: ThreadPool) {
        MatrixProduct.run(
            Operand(rowsOf: dy), rows: du.rows, Operand(columnsOf: up), columns: du.columns, depth: dy.columns,
            into: du, adding: false, on: pool)
        multiply(du, by: scale, on: pool)
    }

    /// dx = du A, or dx += du A
    public static func backwardInput(_ du: Matrix, down: Matrix, into dx: Matrix, adding: Bool, on pool: ThreadPool) {
        MatrixProduct.run(
            Operand(rowsOf: du), rows: dx.rows, Operand(rowsOf: down), columns: dx.columns, depth: du.columns,
            into: dx, adding: adding, on: pool)
    }

    /// dB += dyᵀ u and dAᵀ += xᵀ du
    public static func backwardWeights(
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
