import COpenBLAS

/// y = x Wᵀ + b and its derivatives, on OpenBLAS's single-threaded sgemm.
///
/// sgemm's last bits depend on the shape it is given, so every product is cut into tiles of a fixed size, whatever the
/// number of threads; the tiles are what the threads share out. Shapes: x [T, K], W [N, K], b [N], y [T, N].
public enum Linear {
    /// The largest side of an output tile. Large enough that packing a tile's operands costs a few percent of its
    /// multiplications, small enough that a product of a few hundred rows still feeds several threads.
    static let tileSide = 384

    /// y = x Wᵀ + b, or y += x Wᵀ + b
    public static func forward(
        _ x: Matrix, weight: Matrix, bias: UnsafePointer<Float>? = nil, into y: Matrix, adding: Bool = false,
        on pool: ThreadPool
    ) {
        tiles(rows: y.rows, columns: y.columns, on: pool) { rows, columns in
            if let bias { start(y, rows: rows, columns: columns, from: bias, adding: adding) }
            multiply(
                rows.count, columns.count, x.columns,
                x.row(rows.lowerBound), x.stride, CblasNoTrans,
                weight.row(columns.lowerBound), weight.stride, CblasTrans,
                y.row(rows.lowerBound) + columns.lowerBound, y.stride, adding: adding || bias != nil)
        }
    }

    /// dx = dy W, or dx += dy W
    public static func backwardInput(_ dy: Matrix, weight: Matrix, into dx: Matrix, adding: Bool, on pool: ThreadPool) {
        tiles(rows: dx.rows, columns: dx.columns, on: pool) { rows, columns in
            multiply(
                rows.count, columns.count, dy.columns,
                dy.row(rows.lowerBound), dy.stride, CblasNoTrans,
                weight.base + columns.lowerBound, weight.stride, CblasNoTrans,
                dx.row(rows.lowerBound) + columns.lowerBound, dx.stride, adding: adding)
        }
    }

    /// dW += dyᵀ x
    public static func backwardWeight(_ dy: Matrix, _ x: Matrix, into dWeight: Matrix, on pool: ThreadPool) {
        tiles(rows: dWeight.rows, columns: dWeight.columns, on: pool) { rows, columns in
            multiply(
                rows.count, columns.count, dy.rows,
                dy.base + rows.lowerBound, dy.stride, CblasTrans,
                x.base + columns.lowerBound, x.stride, CblasNoTrans,
                dWeight.row(rows.lowerBound) + columns.lowerBound, dWeight.stride, adding: true)
        }
    }

    /// db += Σₜ dyₜ
    public static func backwardBias(_ dy: Matrix, into dBias: UnsafeMutablePointer<Float>, on pool: ThreadPool) {
        pool.chunks(of: dy.columns, size: 256) { columns in
            for row in 0..<dy.rows {
                accumulate(dy.row(row) + columns.lowerBound, into: dBias + columns.lowerBound, columns.count)
            }
        }
    }

    private static func tiles(rows: Int, columns: Int, on pool: ThreadPool, _ body: (Range<Int>, Range<Int>) -> Void) {
        let height = tileSide(of: rows)
        let width = tileSide(of: columns)
        let down = (rows + height - 1) / height
        let across = (columns + width - 1) / width
        pool.run(down * across) { item in
            let row = item / across * height
            let column = item % across * width
            body(row..<min(rows, row + height), column..<min(columns, column + width))
        }
    }

    /// Equal parts of at most `tileSide`, in multiples of the 16 elements that sgemm's inner kernel takes at once: a
    /// function of the shape alone.
    private static func tileSide(of length: Int) -> Int {
        let parts = (length + tileSide - 1) / tileSide
        return max(16, ((length + parts - 1) / parts + 15) / 16 * 16)
    }

    /// Puts the bias into a tile of y, or adds it.
    private static func start(
        _ y: Matrix, rows: Range<Int>, columns: Range<Int>, from bias: UnsafePointer<Float>, adding: Bool
    ) {
        for row in rows {
            let output = y.row(row) + columns.lowerBound
            if adding {
                accumulate(bias + columns.lowerBound, into: output, columns.count)
            } else {
                output.update(from: bias + columns.lowerBound, count: columns.count)
            }
        }
    }
}

/// C [m, n] = A B, or C += A B, in row-major order on one thread.
@inline(__always)
func multiply(
    _ m: Int, _ n: Int, _ k: Int,
    _ a: UnsafePointer<Float>, _ aStride: Int, _ aTranspose: CBLAS_TRANSPOSE,
    _ b: UnsafePointer<Float>, _ bStride: Int, _ bTranspose: CBLAS_TRANSPOSE,
    _ c: UnsafeMutablePointer<Float>, _ cStride: Int, adding: Bool, scale: Float = 1
) {
    cblas_sgemm(
        CblasRowMajor, aTranspose, bTranspose, blasint(m), blasint(n), blasint(k), scale,
        a, blasint(aStride), b, blasint(bStride), adding ? 1 : 0, c, blasint(cStride))
}

/// y += x
@inline(__always)
func accumulate(_ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, _ count: Int) {
    for i in groups(of: count) {
        (Vector(from: y + i) + Vector(from: x + i)).store(to: y + i)
    }
    for i in remainder(of: count) {
        y[i] += x[i]
    }
}
