import Kernels

/// The rows of one pass over a layer, and what they attend to. Only the *output rows* come out: all T, but in the last
/// layer the A rows that predict something.
struct LayerRows {
    /// T
    let count: Int
    /// The table of angles, in a model with rotary positions, and the row of it for each row: [T].
    let rotary: Rotary?
    let angles: UnsafePointer<Int32>
    /// The rows that come out, when they aren't all: [A] indices; and the angles of those that do.
    let outputs: UnsafePointer<Int32>?
    let outputAngles: UnsafePointer<Int32>
    let outputCount: Int
    let spans: [Attention.Span]
    let groups: [Range<Int>]
    /// Of the adapters' inputs, while training.
    var dropout: RowDropout?
    /// Of the objectives that adapters have parts for.
    var weights: RowWeights?
}

extension LayerRows {
    /// [T, columns]
    func matrix(_ base: UnsafeMutablePointer<Float>, _ columns: Int) -> Matrix {
        Matrix(base, rows: count, columns: columns)
    }

    /// [A, columns]
    func outputMatrix(_ base: UnsafeMutablePointer<Float>, _ columns: Int) -> Matrix {
        Matrix(base, rows: outputCount, columns: columns)
    }

    /// The output rows of x [T, D]: x itself, or gathered into `buffer`.
    func outputs(of x: Matrix, gatheredInto buffer: UnsafeMutablePointer<Float>, on pool: ThreadPool) -> Matrix {
        guard let outputs else { return x }
        let gathered = outputMatrix(buffer, x.columns)
        RowMoves.gather(x, outputs, into: gathered, on: pool)
        return gathered
    }

    /// y [A, D] = the output rows of x [T, D]
    func copyOutputs(of x: Matrix, into y: Matrix, on pool: ThreadPool) {
        if let outputs {
            RowMoves.gather(x, outputs, into: y, on: pool)
        } else {
            RowMoves.copy(x, into: y, on: pool)
        }
    }

    /// dy [A, D] as dx [T, D] in the same memory, zero at rows that don't come out.
    func spread(
        _ dy: Matrix, over d: UnsafeMutablePointer<Float>, keeping buffer: UnsafeMutablePointer<Float>,
        on pool: ThreadPool
    ) -> Matrix {
        guard let outputs else { return dy }
        let kept = outputMatrix(buffer, dy.columns)
        let dx = matrix(d, dy.columns)
        RowMoves.copy(dy, into: kept, on: pool)
        RowMoves.clear(dx, on: pool)
        RowMoves.scatterAdd(kept, outputs, into: dx, on: pool)
        return dx
    }
}
