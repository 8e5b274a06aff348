/// What enters the first block: the rows of a table that the tokens name, times a scale, plus the rows of a table of
/// learned positions where a model has one.
public enum Embedding {
    private static let rowsPerItem = 64

    /// yₜ = scale · table[tokens[t]] + positionTable[positions[t]]
    ///
    /// - Parameters:
    ///   - table: [V, D]
    ///   - positionTable: [positions, D] or nil
    ///   - y: [T, D]
    public static func forward(
        _ table: Matrix, _ tokens: UnsafePointer<Int32>, scale: Float, positionTable: Matrix?,
        _ positions: UnsafePointer<Int32>, into y: Matrix, on pool: ThreadPool
    ) {
        pool.chunks(of: y.rows, size: rowsPerItem) { rows in
            for t in rows {
                y.row(t).update(from: table.row(Int(tokens[t])), count: y.columns)
                if scale != 1 { multiply(y.row(t), by: scale, y.columns) }
                if let positionTable {
                    accumulate(positionTable.row(Int(positions[t])), into: y.row(t), y.columns)
                }
            }
        }
    }

    /// The same from frozen tables: every bit as from their float32 values.
    public static func forward(
        _ table: StoredMatrix, _ tokens: UnsafePointer<Int32>, scale: Float, positionTable: StoredMatrix?,
        _ positions: UnsafePointer<Int32>, into y: Matrix, on pool: ThreadPool
    ) {
        pool.chunks(of: y.rows, size: rowsPerItem) { rows in
            for t in rows {
                let token = Int(tokens[t])
                table.widen(rows: token..<token + 1, columns: 0..<y.columns, into: y.row(t), stride: y.columns)
                if scale != 1 { multiply(y.row(t), by: scale, y.columns) }
                if let positionTable { add(positionTable, Int(positions[t]), to: y.row(t), y.columns) }
            }
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

    /// dtable[tokens[t]] += scale · dyₜ and dpositionTable[positions[t]] += dyₜ. Uses up dy.
    public static func backward(
        _ dy: Matrix, _ tokens: UnsafePointer<Int32>, scale: Float, _ positions: UnsafePointer<Int32>,
        into dTable: Matrix, positionTable dPositionTable: Matrix?, on pool: ThreadPool
    ) {
        if let dPositionTable { RowMoves.scatterAdd(dy, positions, into: dPositionTable, on: pool) }
        if scale != 1 {
            pool.chunks(of: dy.rows, size: rowsPerItem) { rows in
                for t in rows { multiply(dy.row(t), by: scale, dy.columns) }
            }
        }
        RowMoves.scatterAdd(dy, tokens, into: dTable, on: pool)
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
