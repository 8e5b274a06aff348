/// Logits divided by a sampling temperature, and their derivative: both are a product with the same factor.
package enum LogitScale {
    /// x ← factor · x, in place.
    package static func multiply(_ x: Matrix, by factor: Float, on pool: ThreadPool) {
        pool.run(x.rows) { (row: Int) in
            let values = x.row(row)
            for column in 0..<x.columns { values[column] *= factor }
        }
    }
}
