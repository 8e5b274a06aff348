import CVector
import Statistics

/// Dropout (Srivastava et al. 2014) whose mask is a function of what a row is, not of where or when it is computed: every
/// row has a key, and an element stays where a number drawn from (key, module, column) says so. What stays is divided by
/// 1 − p. The same mask comes again in the backward pass, on any rank and in any micro-batch.
package struct RowDropout {
    /// [T] keys of all rows of the micro-batch, and [A] of the output rows.
    package let keys: UnsafePointer<UInt64>
    package let rows: Int
    package let outputKeys: UnsafePointer<UInt64>
    /// An element stays whose draw of 32 bits is below it.
    private let limit: UInt32
    private let factor: Float

    /// - Parameter probability: p, of being dropped, in [0, 1); to 16 bits.
    package init(
        keys: UnsafePointer<UInt64>, rows: Int, outputKeys: UnsafePointer<UInt64>, probability: Double
    ) {
        self.keys = keys
        self.rows = rows
        self.outputKeys = outputKeys
        let kept = max(1, min(65535, ((1 - probability) * 65536).rounded()))
        limit = UInt32(kept) << 16
        factor = Float(65536 / kept)
    }

    /// y = drop(x)
    package func copy(_ x: Matrix, module: Int, into y: Matrix, on pool: ThreadPool) {
        eachVector(x, module: module, on: pool) { row, column, count, kept in
            let target = y.row(row) + column
            if count == 8 { kept.store(to: target) } else { kept.store(tail: target, count: count) }
        }
    }

    /// y += drop(x)
    package func apply(to x: Matrix, module: Int, addingTo y: Matrix, on pool: ThreadPool) {
        eachVector(x, module: module, on: pool) { row, column, count, kept in
            let target = y.row(row) + column
            if count == 8 {
                (Vector(from: target) + kept).store(to: target)
            } else {
                (Vector(tail: target, count: count) + kept).store(tail: target, count: count)
            }
        }
    }

    /// Calls `body` with eight elements of drop(x) at a time, or those that a row's end has left.
    @inline(__always)
    private func eachVector(
        _ x: Matrix, module: Int, on pool: ThreadPool,
        _ body: (_ row: Int, _ column: Int, _ count: Int, _ kept: Vector) -> Void
    ) {
        // The last block's rows are the output rows.
        let keys = x.rows == rows ? keys : outputKeys
        let salt = SplitMix64.mixed(UInt64(truncatingIfNeeded: module) &+ 1)
        pool.chunks(of: x.rows, size: 16) { range in
            for row in range {
                let (source, key) = (x.row(row), SplitMix64.mixed(keys[row] ^ salt))
                var column = 0
                while column + 16 <= x.columns {
                    // Sixteen elements share eight draws of 32 bits: first the upper halves decide, then the lower ones.
                    let draws = prefopt_draws(UInt32(truncatingIfNeeded: column / 2), key)
                    body(row, column, 8, keep(Vector(from: source + column), draws))
                    body(row, column + 8, 8, keep(Vector(from: source + column + 8), draws &<< 16))
                    column += 16
                }
                if column < x.columns {
                    var draws = prefopt_draws(UInt32(truncatingIfNeeded: column / 2), key)
                    while column < x.columns {
                        let count = min(8, x.columns - column)
                        body(row, column, count, keep(Vector(tail: source + column, count: count), draws))
                        draws = draws &<< 16
                        column += 8
                    }
                }
            }
        }
    }

    @inline(__always)
    private func keep(_ x: Vector, _ draws: SIMD8<UInt32>) -> Vector { prefopt_keep(x * factor, draws, limit) }
}
