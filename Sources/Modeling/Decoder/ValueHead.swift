import Kernels

/// One product with a vector, w · h, beside the logits: the value of the state that a token is drawn in, PPO's baseline. It
/// reads the same normalised hidden rows as the vocabulary product.
struct ValueHead {
    /// Where w [1, D] lies in the trained vector.
    let start: Int
    let width: Int
    private let values: Values
    private let pool: ThreadPool

    init(start: Int, width: Int, _ values: Values, _ pool: ThreadPool) {
        (self.start, self.width, self.values, self.pool) = (start, width, values, pool)
    }

    /// v = w · h of some rows.
    func forward(_ hidden: Matrix, into result: UnsafeMutablePointer<Float>) {
        Linear.forward(
            hidden, weight: row(values.trained), into: Matrix(result, rows: hidden.rows, columns: 1), on: pool)
    }

    /// ∂ℓ/∂h += ∂ℓ/∂v w and ∂ℓ/∂w += Σ ∂ℓ/∂v h.
    func backward(
        _ dValues: UnsafeMutablePointer<Float>, _ hidden: Matrix, adding dHidden: Matrix,
        gradients: UnsafeMutablePointer<Float>
    ) {
        let d = Matrix(dValues, rows: hidden.rows, columns: 1)
        Linear.backwardInput(d, weight: row(values.trained), into: dHidden, adding: true, on: pool)
        Linear.backwardWeight(d, hidden, into: row(gradients), on: pool)
    }

    private func row(_ base: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(base + start, rows: 1, columns: width)
    }
}
