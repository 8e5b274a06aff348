/// Row movements: embedding look-up, gathers, sums.
package enum RowMoves {
    private static let rowsPerItem = 64
    private static let columnsPerItem = 64

    /// yₜ = table[indices[t]]
    package static func gather(_ table: Matrix, _ indices: UnsafePointer<Int32>, into y: Matrix, on pool: ThreadPool) {
        pool.chunks(of: y.rows, size: rowsPerItem) { rows in
            for t in rows { y.row(t).update(from: table.row(Int(indices[t])), count: y.columns) }
        }
    }

    /// table[indices[t]] += dyₜ; indices may repeat, so the threads share out columns, not rows.
    package static func scatterAdd(
        _ dy: Matrix, _ indices: UnsafePointer<Int32>, into table: Matrix, on pool: ThreadPool
    ) {
        pool.chunks(of: dy.columns, size: columnsPerItem) { columns in
            for t in 0..<dy.rows {
                accumulate(
                    dy.row(t) + columns.lowerBound, into: table.row(Int(indices[t])) + columns.lowerBound, columns.count
                )
            }
        }
    }

    /// Sets every element to zero.
    package static func clear(_ y: Matrix, on pool: ThreadPool) {
        pool.chunks(of: y.rows, size: rowsPerItem) { rows in
            for t in rows { y.row(t).update(repeating: 0, count: y.columns) }
        }
    }

    /// y = x
    package static func copy(_ x: Matrix, into y: Matrix, on pool: ThreadPool) {
        pool.chunks(of: y.rows, size: rowsPerItem) { rows in
            for t in rows { y.row(t).update(from: x.row(t), count: y.columns) }
        }
    }

    /// y += x
    package static func add(_ x: Matrix, into y: Matrix, on pool: ThreadPool) {
        pool.chunks(of: y.rows, size: rowsPerItem) { rows in
            for t in rows { accumulate(x.row(t), into: y.row(t), y.columns) }
        }
    }
}
