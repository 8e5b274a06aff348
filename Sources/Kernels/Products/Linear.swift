/// y = x Wᵀ + b and its derivatives. Shapes: x [T, K], W [N, K], b [N], y [T, N].
package enum Linear {
    /// y = x Wᵀ + b, or y += x Wᵀ + b
    package static func forward(
        _ x: Matrix, weight: Matrix, bias: UnsafePointer<Float>? = nil, into y: Matrix, adding: Bool = false,
        on pool: ThreadPool
    ) {
        if let bias { start(y, from: bias, adding: adding, on: pool) }
        if FewRows.suits(y.rows, on: pool) {
            return FewRows.run(x, FewRows.Product(weight, into: y, adding: adding || bias != nil), on: pool)
        }
        MatrixProduct.run(
            Operand(rowsOf: x), rows: y.rows, Operand(rowsOf: weight), columns: y.columns, depth: x.columns,
            into: y, adding: adding || bias != nil, on: pool)
    }

    /// The same with frozen weights, every bit as with their float32 values; and with what an adapter adds.
    package static func forward(
        _ x: Matrix, weight: StoredMatrix, bias: UnsafePointer<Float>? = nil, term: LowRank.Term? = nil,
        into y: Matrix, adding: Bool = false, on pool: ThreadPool
    ) {
        if let bias { start(y, from: bias, adding: adding, on: pool) }
        let adding = adding || bias != nil
        let isFew = FewRows.suits(y.rows, on: pool) && term == nil
        if isFew, let lines = weight.packedLines {
            let product = PackedRows.Product(lines: lines, y: y, adding: adding)
            return withUnsafePointer(to: product) {
                PackedRows.run(x, UnsafeBufferPointer(start: $0, count: 1), on: pool)
            }
        }
        if isFew, !weight.isTransposed {
            return FewRows.run(x, FewRows.Product(weight, into: y, adding: adding), on: pool)
        }
        if let rows = weight.operand {
            run(x, rows, term, into: y, adding: adding, on: pool)
        } else {
            run(x, StoredSide(rowsOf: weight), term, into: y, adding: adding, on: pool)
        }
    }

    /// Several maps y = x Wᵀ + b, or y += …, of the same few rows at a time, every bit as one after the other: what takes the
    /// time there is that threads wait for each other.
    package struct Map {
        let product: FewRows.Product
        let bias: UnsafePointer<Float>?
        /// W, if it is a copy for decoding.
        let packed: PackedLines?

        package init(_ weight: Matrix, bias: UnsafePointer<Float>?, into y: Matrix, adding: Bool) {
            product = FewRows.Product(weight, into: y, adding: adding || bias != nil)
            (self.bias, packed) = (bias, nil)
        }

        /// - Parameter weight: not stored transposed.
        package init(_ weight: StoredMatrix, bias: UnsafePointer<Float>?, into y: Matrix, adding: Bool) {
            product = FewRows.Product(weight, into: y, adding: adding || bias != nil)
            (self.bias, packed) = (bias, weight.packedLines)
        }
    }

    /// Whether `forward(_:_:on:)` takes so many rows.
    package static func suitsTogether(rows: Int, on pool: ThreadPool) -> Bool { FewRows.suits(rows, on: pool) }

    /// y = x Wᵀ + b of all maps.
    package static func forward(
        _ x: Matrix, _ maps: UnsafeBufferPointer<Map>, adding: Bool = false, on pool: ThreadPool
    ) {
        for map in maps { if let bias = map.bias { start(map.product.y, from: bias, adding: adding, on: pool) } }
        // Mixed ones go by the kernels that read stored lines.
        if maps.allSatisfy({ $0.packed != nil }) {
            return withUnsafeTemporaryAllocation(of: PackedRows.Product.self, capacity: maps.count) { room in
                for (place, map) in maps.enumerated() {
                    guard let lines = map.packed else { return }
                    room.initializeElement(
                        at: place,
                        to: PackedRows.Product(lines: lines, y: map.product.y, adding: map.product.adding))
                }
                PackedRows.run(x, UnsafeBufferPointer(room), on: pool)
            }
        }
        withUnsafeTemporaryAllocation(of: FewRows.Product.self, capacity: maps.count) { room in
            _ = room.initialize(from: maps.lazy.map(\.product))
            FewRows.run(x, UnsafeBufferPointer(room), on: pool)
            room.deinitialize()
        }
    }

    /// dx = dy W, or dx += dy W
    package static func backwardInput(_ dy: Matrix, weight: Matrix, into dx: Matrix, adding: Bool, on pool: ThreadPool)
    {
        MatrixProduct.run(
            Operand(rowsOf: dy), rows: dx.rows, Operand(columnsOf: weight), columns: dx.columns, depth: dy.columns,
            into: dx, adding: adding, on: pool)
    }

    /// The same with frozen weights, and with what an adapter adds.
    package static func backwardInput(
        _ dy: Matrix, weight: StoredMatrix, term: LowRank.Term? = nil, into dx: Matrix, adding: Bool,
        on pool: ThreadPool
    ) {
        if let rows = weight.operand {
            run(dy, rows.turned, term, into: dx, adding: adding, on: pool)
        } else {
            run(dy, StoredSide(columnsOf: weight), term, into: dx, adding: adding, on: pool)
        }
    }

    /// C = A B + the term, or C += …
    @inline(__always)
    private static func run(
        _ a: Matrix, _ b: some ProductSide, _ term: LowRank.Term?, into c: Matrix, adding: Bool, on pool: ThreadPool
    ) {
        let (side, depth) = (Operand(rowsOf: a), a.columns)
        guard let term else {
            return MatrixProduct.run(
                side, rows: c.rows, b, columns: c.columns, depth: depth, into: c, adding: adding, on: pool)
        }
        let (low, factor) = (Operand(rowsOf: term.low), Operand(rowsOf: term.factor))
        // As much of the term as goes with the last part: it costs no pass over C of its own.
        let tail = min(term.low.columns, MatrixProduct.longestTail)
        MatrixProduct.run(
            ExtendedSide(side, depth: depth, tail: low), rows: c.rows, ExtendedSide(b, depth: depth, tail: factor),
            columns: c.columns, depth: depth, tail: tail, into: c, adding: adding, on: pool)
        if tail < term.low.columns {
            MatrixProduct.run(
                low.from(line: 0, depth: tail), rows: c.rows, factor.from(line: 0, depth: tail), columns: c.columns,
                depth: term.low.columns - tail, into: c, adding: true, on: pool)
        }
    }

    /// dW += dyᵀ x
    package static func backwardWeight(_ dy: Matrix, _ x: Matrix, into dWeight: Matrix, on pool: ThreadPool) {
        MatrixProduct.run(
            Operand(columnsOf: dy), rows: dWeight.rows, Operand(columnsOf: x), columns: dWeight.columns, depth: dy.rows,
            into: dWeight, adding: true, on: pool)
    }

    /// db += Σₜ dyₜ
    package static func backwardBias(_ dy: Matrix, into dBias: UnsafeMutablePointer<Float>, on pool: ThreadPool) {
        pool.chunks(of: dy.columns, size: 256) { columns in
            for row in 0..<dy.rows {
                accumulate(dy.row(row) + columns.lowerBound, into: dBias + columns.lowerBound, columns.count)
            }
        }
    }

    /// Puts the bias into y, or adds it.
    private static func start(_ y: Matrix, from bias: UnsafePointer<Float>, adding: Bool, on pool: ThreadPool) {
        pool.chunks(of: y.rows, size: 64) { rows in
            for row in rows {
                if adding {
                    accumulate(bias, into: y.row(row), y.columns)
                } else {
                    y.row(row).update(from: bias, count: y.columns)
                }
            }
        }
    }
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
