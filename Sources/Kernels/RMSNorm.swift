/// Root-mean-square normalisation (arXiv 1910.07467): y = x · r ∘ w with r = 1 / √(mean(x²) + ε), row by row.
public enum RMSNorm {
    private static let rowsPerItem = 32
    private static let columnsPerItem = 64

    /// - Parameters:
    ///   - x, y: [T, D]
    ///   - weight: [D]
    ///   - reciprocal: [T], receives r of every row for the backward pass.
    public static func forward(
        _ x: Matrix, weight: UnsafePointer<Float>, epsilon: Float,
        into y: Matrix, reciprocal: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        let width = x.columns
        pool.chunks(of: x.rows, size: rowsPerItem) { rows in
            for t in rows {
                let input = x.row(t)
                let r = 1 / (dot(input, input, width) / Float(width) + epsilon).squareRoot()
                reciprocal[t] = r
                scale(input, by: r, weight, into: y.row(t), width)
            }
        }
    }

    /// y again from the stored r, for a backward pass that didn't keep it.
    public static func restore(
        _ x: Matrix, weight: UnsafePointer<Float>, reciprocal: UnsafePointer<Float>, into y: Matrix, on pool: ThreadPool
    ) {
        pool.chunks(of: x.rows, size: rowsPerItem) { rows in
            for t in rows { scale(x.row(t), by: reciprocal[t], weight, into: y.row(t), x.columns) }
        }
    }

    /// dx += r (w ∘ dy) − x · r³/D · Σ(w ∘ dy ∘ x), and dw += Σₜ dy ∘ x · r.
    public static func backward(
        _ dy: Matrix, _ x: Matrix, weight: UnsafePointer<Float>, reciprocal: UnsafePointer<Float>,
        into dx: Matrix, dWeight: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        let width = x.columns
        pool.chunks(of: x.rows, size: rowsPerItem) { rows in
            for t in rows {
                let (input, upstream, output) = (x.row(t), dy.row(t), dx.row(t))
                var lanes = Vector.zero
                var projection: Float = 0
                for i in groups(of: width) {
                    lanes = lanes.addingProduct(
                        Vector(from: weight + i) * Vector(from: upstream + i), Vector(from: input + i))
                }
                for i in remainder(of: width) {
                    projection += weight[i] * upstream[i] * input[i]
                }
                projection += lanes.total
                let r = reciprocal[t]
                let back = -projection * r * r * r / Float(width)
                for i in groups(of: width) {
                    Vector(from: output + i)
                        .addingProduct(Vector(from: weight + i) * Vector(from: upstream + i), Vector(repeating: r))
                        .addingProduct(Vector(from: input + i), Vector(repeating: back))
                        .store(to: output + i)
                }
                for i in remainder(of: width) {
                    output[i] += weight[i] * upstream[i] * r + input[i] * back
                }
            }
        }
        pool.chunks(of: width, size: columnsPerItem) { columns in
            for t in 0..<x.rows {
                let (input, upstream) = (x.row(t) + columns.lowerBound, dy.row(t) + columns.lowerBound)
                let output = dWeight + columns.lowerBound
                let r = reciprocal[t]
                for i in groups(of: columns.count) {
                    Vector(from: output + i)
                        .addingProduct(Vector(from: upstream + i) * Vector(from: input + i), Vector(repeating: r))
                        .store(to: output + i)
                }
                for i in remainder(of: columns.count) {
                    output[i] += upstream[i] * input[i] * r
                }
            }
        }
    }

    @inline(__always)
    private static func scale(
        _ x: UnsafePointer<Float>, by r: Float, _ weight: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
        _ width: Int
    ) {
        for i in groups(of: width) {
            (Vector(from: x + i) * r * Vector(from: weight + i)).store(to: y + i)
        }
        for i in remainder(of: width) {
            y[i] = x[i] * r * weight[i]
        }
    }
}
