/// Weight-decomposed adapters (DoRA, arXiv 2402.09353): y = c ∘ z with z = x (W + s B A)ᵀ and c = m / ‖W + s B A‖, the norm of
/// each row being a constant of the backward pass. Shapes: W [N, K], Aᵀ [K, r], B [N, r], c and m [N], y and z [T, N].
package enum Magnitude {
    private static let rowsPerItem = 16
    private static let columnsPerItem = 64

    /// Floats that `norms` works in.
    package static func scratchCount(outputs: Int, rank: Int) -> Int { rank * outputs + rank * rank }

    /// 1 / ‖W + s B A‖ of every row, as ‖W‖² + 2 s (W Aᵀ) · B + s² B (A Aᵀ) Bᵀ.
    ///
    /// - Parameters:
    ///   - scratch: `scratchCount` floats.
    ///   - reciprocals: [N]
    package static func reciprocalNorms(
        _ weight: StoredMatrix, down: Matrix, up: Matrix, scale: Float,
        scratch: UnsafeMutablePointer<Float>, into reciprocals: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        let (n, r) = (weight.rows, down.columns)
        // W Aᵀ, transposed: A is the side with few lines.
        let crossed = Matrix(scratch, rows: r, columns: n)
        let squared = Matrix(scratch + r * n, rows: r, columns: r)
        let a = Operand(columnsOf: down)
        MatrixProduct.run(
            a, rows: r, StoredSide(rowsOf: weight), columns: n, depth: down.rows, into: crossed, adding: false,
            arithmetic: .float32,
            on: pool
        )
        MatrixProduct.run(
            a, rows: r, a, columns: r, depth: down.rows, into: squared, adding: false, arithmetic: .float32, on: pool)
        pool.chunks(of: n, size: rowsPerItem) { rows in
            for row in rows {
                let b = up.row(row)
                var sum = squares(of: weight, row: row)
                for i in 0..<r {
                    var inner: Float = 0
                    for j in 0..<r { inner += squared.row(i)[j] * b[j] }
                    sum += scale * b[i] * (2 * crossed.row(i)[row] + scale * inner)
                }
                reciprocals[row] = 1 / max(sum, 0).squareRoot()
            }
        }
    }

    /// The norms of a matrix's rows: what m is before training.
    ///
    /// - Parameter norms: [N]
    package static func norms(
        _ weight: StoredMatrix, into norms: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        pool.chunks(of: weight.rows, size: rowsPerItem) { rows in
            for row in rows { norms[row] = squares(of: weight, row: row).squareRoot() }
        }
    }

    /// y = c ∘ z + b, or y += …
    ///
    /// - Parameter bias: [N] or nil.
    package static func forward(
        _ z: Matrix, factors: UnsafePointer<Float>, bias: UnsafePointer<Float>?, into y: Matrix, adding: Bool,
        on pool: ThreadPool
    ) {
        pool.chunks(of: z.rows, size: rowsPerItem) { rows in
            for t in rows {
                let (source, target) = (z.row(t), y.row(t))
                for i in groups(of: z.columns) {
                    var value = Vector(from: source + i) * Vector(from: factors + i)
                    if let bias { value += Vector(from: bias + i) }
                    if adding { value += Vector(from: target + i) }
                    value.store(to: target + i)
                }
                for i in remainder(of: z.columns) {
                    target[i] = source[i] * factors[i] + (bias?[i] ?? 0) + (adding ? target[i] : 0)
                }
            }
        }
    }

    /// dz = c ∘ dy
    package static func backward(_ dy: Matrix, factors: UnsafePointer<Float>, into dz: Matrix, on pool: ThreadPool) {
        forward(dy, factors: factors, bias: nil, into: dz, adding: false, on: pool)
    }

    /// dm += Σₜ dy ∘ z / ‖W + s B A‖
    package static func backward(
        _ dy: Matrix, _ z: Matrix, reciprocals: UnsafePointer<Float>, into dMagnitude: UnsafeMutablePointer<Float>,
        on pool: ThreadPool
    ) {
        pool.chunks(of: z.columns, size: columnsPerItem) { columns in
            for column in columns {
                var sum: Float = 0
                for t in 0..<z.rows { sum += dy.row(t)[column] * z.row(t)[column] }
                dMagnitude[column] += sum * reciprocals[column]
            }
        }
    }

    private static func squares(of weight: StoredMatrix, row: Int) -> Float {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 256) { piece in
            guard let piece = piece.baseAddress else { return 0 }
            var sum: Float = 0
            for start in stride(from: 0, to: weight.columns, by: 256) {
                let columns = start..<min(weight.columns, start + 256)
                weight.widen(rows: row..<row + 1, columns: columns, into: piece, stride: columns.count)
                sum += dot(piece, piece, columns.count)
            }
            return sum
        }
    }
}
