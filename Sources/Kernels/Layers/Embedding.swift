/// The rows of a table that ids name: of tokens, times a scale, and of learned positions where a model has them.
package enum Embedding {
    private static let rowsPerItem = 64

    /// yₜ = scale · table[ids[t]]
    ///
    /// - Parameters:
    ///   - table: [V, D]
    ///   - y: [T, D]
    package static func forward(
        _ table: Matrix, _ ids: UnsafePointer<Int32>, scale: Float, into y: Matrix, on pool: ThreadPool
    ) {
        pool.chunks(of: y.rows, size: rowsPerItem) { rows in
            for t in rows {
                y.row(t).update(from: table.row(Int(ids[t])), count: y.columns)
                if scale != 1 { multiply(y.row(t), by: scale, y.columns) }
            }
        }
    }

    /// yₜ += table[ids[t]]
    package static func add(_ table: Matrix, _ ids: UnsafePointer<Int32>, into y: Matrix, on pool: ThreadPool) {
        pool.chunks(of: y.rows, size: rowsPerItem) { rows in
            for t in rows { accumulate(table.row(Int(ids[t])), into: y.row(t), y.columns) }
        }
    }

    /// The same from a frozen table: every bit as from its float32 values.
    package static func forward(
        _ table: StoredMatrix, _ ids: UnsafePointer<Int32>, scale: Float, into y: Matrix, on pool: ThreadPool
    ) {
        pool.chunks(of: y.rows, size: rowsPerItem) { rows in
            for t in rows {
                let id = Int(ids[t])
                table.widen(rows: id..<id + 1, columns: 0..<y.columns, into: y.row(t), stride: y.columns)
                if scale != 1 { multiply(y.row(t), by: scale, y.columns) }
            }
        }
    }

    /// The same from a frozen table.
    package static func add(_ table: StoredMatrix, _ ids: UnsafePointer<Int32>, into y: Matrix, on pool: ThreadPool) {
        pool.chunks(of: y.rows, size: rowsPerItem) { rows in
            for t in rows { add(table, Int(ids[t]), to: y.row(t), y.columns) }
        }
    }

    /// Adds a row of a stored table, in pieces that find room on the stack.
    private static func add(_ table: StoredMatrix, _ row: Int, to y: UnsafeMutablePointer<Float>, _ count: Int) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 256) { piece in
            guard let piece = piece.baseAddress else { return }
            for start in stride(from: 0, to: count, by: 256) {
                let columns = start..<min(count, start + 256)
                table.widen(rows: row..<row + 1, columns: columns, into: piece, stride: columns.count)
                accumulate(piece, into: y + start, columns.count)
            }
        }
    }

    /// dtable[ids[t]] += scale · dyₜ. Uses up dy.
    package static func backward(
        _ dy: Matrix, _ ids: UnsafePointer<Int32>, scale: Float, into dTable: Matrix, on pool: ThreadPool
    ) {
        if scale != 1 {
            pool.chunks(of: dy.rows, size: rowsPerItem) { rows in
                for t in rows { multiply(dy.row(t), by: scale, dy.columns) }
            }
        }
        RowMoves.scatterAdd(dy, ids, into: dTable, on: pool)
    }

    @inline(__always)
    private static func multiply(_ x: UnsafeMutablePointer<Float>, by scale: Float, _ count: Int) {
        for i in groups(of: count) {
            (Vector(from: x + i) * scale).store(to: x + i)
        }
        for i in remainder(of: count) {
            x[i] *= scale
        }
    }
}
