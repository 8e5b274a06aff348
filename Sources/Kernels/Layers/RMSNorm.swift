/// Root-mean-square normalisation (arXiv 1910.07467): y = x · r ∘ (w + o) with r = 1 / √(mean(x²) + ε), row by row, or
/// for each of a row's equal parts (its heads) alone. The offset o is 0, or 1 in models that store w around zero.
package enum RMSNorm {
    private static let rowsPerItem = 32
    private static let columnsPerItem = 64

    /// - Parameters:
    ///   - x: [T, D]
    ///   - y: [T, D]
    ///   - weight: [D / parts], the same for all parts.
    ///   - reciprocal: [T, parts], receives every r for the backward pass.
    package static func forward(
        _ x: Matrix, parts: Int = 1, weight: UnsafePointer<Float>, offset: Float = 0, epsilon: Float,
        into y: Matrix, reciprocal: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        let width = x.columns / parts
        pool.chunks(of: x.rows, size: rowsPerItem) { rows in
            for t in rows {
                for part in 0..<parts {
                    let input = x.row(t) + part * width
                    let r = 1 / (dot(input, input, width) / Float(width) + epsilon).squareRoot()
                    reciprocal[t * parts + part] = r
                    scale(input, by: r, weight, offset, into: y.row(t) + part * width, width)
                }
            }
        }
    }

    /// y again from the stored r, for a backward pass that didn't keep it.
    package static func restore(
        _ x: Matrix, parts: Int = 1, weight: UnsafePointer<Float>, offset: Float = 0,
        reciprocal: UnsafePointer<Float>, into y: Matrix, on pool: ThreadPool
    ) {
        let width = x.columns / parts
        pool.chunks(of: x.rows, size: rowsPerItem) { rows in
            for t in rows {
                for part in 0..<parts {
                    scale(
                        x.row(t) + part * width, by: reciprocal[t * parts + part], weight, offset,
                        into: y.row(t) + part * width, width)
                }
            }
        }
    }

    /// With g = (w + o) ∘ dy: dx += r g − x · r³/D · Σ(g ∘ x), and dw += Σₜ dy ∘ x · r.
    ///
    /// - Parameter dWeight: [D / parts], or nil when the weights aren't trained.
    package static func backward(
        _ dy: Matrix, _ x: Matrix, parts: Int = 1, weight: UnsafePointer<Float>, offset: Float = 0,
        reciprocal: UnsafePointer<Float>, into dx: Matrix, dWeight: UnsafeMutablePointer<Float>?, on pool: ThreadPool
    ) {
        let width = x.columns / parts
        pool.chunks(of: x.rows, size: rowsPerItem) { rows in
            for t in rows {
                for part in 0..<parts {
                    let start = part * width
                    differentiate(
                        dy.row(t) + start, x.row(t) + start, weight, offset, r: reciprocal[t * parts + part],
                        into: dx.row(t) + start, width)
                }
            }
        }
        guard let dWeight else { return }
        pool.chunks(of: width, size: columnsPerItem) { columns in
            let output = dWeight + columns.lowerBound
            for t in 0..<x.rows {
                for part in 0..<parts {
                    let start = part * width + columns.lowerBound
                    accumulate(
                        dy.row(t) + start, times: x.row(t) + start, reciprocal[t * parts + part], into: output,
                        columns.count)
                }
            }
        }
    }

    @inline(__always)
    private static func scale(
        _ x: UnsafePointer<Float>, by r: Float, _ weight: UnsafePointer<Float>, _ offset: Float,
        into y: UnsafeMutablePointer<Float>, _ width: Int
    ) {
        for i in groups(of: width) {
            (Vector(from: x + i) * r * (Vector(from: weight + i) + offset)).store(to: y + i)
        }
        for i in remainder(of: width) {
            y[i] = x[i] * r * (weight[i] + offset)
        }
    }

    @inline(__always)
    private static func differentiate(
        _ dy: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ offset: Float,
        r: Float, into dx: UnsafeMutablePointer<Float>, _ width: Int
    ) {
        var lanes = Vector.zero
        var projection: Float = 0
        for i in groups(of: width) {
            let g = (Vector(from: weight + i) + offset) * Vector(from: dy + i)
            lanes = lanes.addingProduct(g, Vector(from: x + i))
        }
        for i in remainder(of: width) {
            projection += (weight[i] + offset) * dy[i] * x[i]
        }
        projection += lanes.total
        let back = -projection * r * r * r / Float(width)
        for i in groups(of: width) {
            Vector(from: dx + i)
                .addingProduct((Vector(from: weight + i) + offset) * Vector(from: dy + i), Vector(repeating: r))
                .addingProduct(Vector(from: x + i), Vector(repeating: back))
                .store(to: dx + i)
        }
        for i in remainder(of: width) {
            dx[i] += (weight[i] + offset) * dy[i] * r + x[i] * back
        }
    }

    /// y += dy ∘ x · r
    @inline(__always)
    private static func accumulate(
        _ dy: UnsafePointer<Float>, times x: UnsafePointer<Float>, _ r: Float, into y: UnsafeMutablePointer<Float>,
        _ count: Int
    ) {
        for i in groups(of: count) {
            Vector(from: y + i)
                .addingProduct(Vector(from: dy + i) * Vector(from: x + i), Vector(repeating: r))
                .store(to: y + i)
        }
        for i in remainder(of: count) {
            y[i] += dy[i] * x[i] * r
        }
    }
}
