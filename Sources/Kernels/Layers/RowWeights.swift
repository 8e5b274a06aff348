/// Weights of the parts of a low-rank product, row by row: u [T, r] consists of a part for each of K objectives, which row t
/// has times w_k(t), and a last part as wide as they, which all rows have as it is.
///
/// With s · x Aᵀ in u this makes y += u Bᵀ the product with Σ_k w_k(t) B_k A_k + B_s A_s; with s · dy B in it, its derivative.
package struct RowWeights {
    /// [T] the sequence of each row of the micro-batch, and [A] of each output row.
    private let sequences: UnsafePointer<Int32>
    private let rows: Int
    private let outputSequences: UnsafePointer<Int32>
    /// [sequences, K]
    private let weights: UnsafePointer<Float>
    private let objectives: Int

    package init(
        sequences: UnsafePointer<Int32>, rows: Int, outputSequences: UnsafePointer<Int32>,
        weights: UnsafePointer<Float>, objectives: Int
    ) {
        (self.sequences, self.rows, self.outputSequences) = (sequences, rows, outputSequences)
        (self.weights, self.objectives) = (weights, objectives)
    }

    /// u_k(t) *= w_k(t) of every part but the last.
    package func multiply(_ u: Matrix, on pool: ThreadPool) {
        // The last block's rows are the output rows.
        let sequences = u.rows == rows ? sequences : outputSequences
        let width = u.columns / (objectives + 1)
        pool.chunks(of: u.rows, size: 64) { range in
            for t in range {
                let (row, own) = (u.row(t), weights + Int(sequences[t]) * objectives)
                for k in 0..<objectives {
                    for i in k * width..<(k + 1) * width { row[i] *= own[k] }
                }
            }
        }
    }
}
