import Checkpoints
import Kernels

/// A frozen matrix W with the deltas of adapters: W + Σ wᵢ Δᵢ, where Δ = s B A, or with DoRA
/// Δ = m ∘ (W + s B A) / ‖W + s B A‖ − W, row by row of [outputs, inputs] (as PEFT merges).
struct AdaptedMatrix {
    struct Delta {
        let weight: Double
        /// s
        let scaling: Double
        /// A [r, inputs]
        let a: TensorView
        /// B [outputs, r]
        let b: TensorView
        /// DoRA's m [outputs].
        let magnitude: TensorView?
    }

    let base: MergeBase.Source
    /// Whether W is stored [inputs, outputs].
    let isTransposed: Bool
    let deltas: [Delta]

    /// Elements as stored.
    private var rows: Int { base.shape[0] }
    private var columns: Int { base.shape[1] }

    /// The factors of one delta, widened and turned so that left · right adds to the matrix as it is stored.
    fileprivate struct Factors {
        let left: Matrix
        let right: Matrix
        let delta: Delta
        let memory: Memory

        init(_ delta: Delta, isTransposed: Bool) throws(MemoryError) {
            let (r, inputs, outputs) = (delta.a.shape[0], delta.a.shape[1], delta.b.shape[0])
            let (rows, columns) = isTransposed ? (inputs, outputs) : (outputs, inputs)
            memory = try Memory(bytes: 4 * r * (rows + columns))
            let floats = memory.bind(to: Float.self).baseAddress!
            left = Matrix(floats, rows: rows, columns: r)
            right = Matrix(floats + rows * r, rows: r, columns: columns)
            if isTransposed {
                Factors.turn(delta.a, r, inputs, into: left.base)
                Factors.turn(delta.b, outputs, r, into: right.base)
            } else {
                delta.b.widen(from: 0, into: left.base, count: outputs * r)
                delta.a.widen(from: 0, into: right.base, count: r * inputs)
            }
            let factor = Float(delta.magnitude == nil ? delta.weight * delta.scaling : delta.scaling)
            for i in 0..<rows * r { left.base[i] *= factor }
            self.delta = delta
        }

        /// [rows, columns] → [columns, rows]
        private static func turn(
            _ view: TensorView, _ rows: Int, _ columns: Int, into target: UnsafeMutablePointer<Float>
        ) {
            withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { line in
                guard let line = line.baseAddress else { return }
                for row in 0..<rows {
                    view.widen(from: row * columns, into: line, count: columns)
                    for column in 0..<columns { target[column * rows + row] = line[column] }
                }
            }
        }
    }

    /// The factors, and for every delta of DoRA w m / ‖W + s B A‖ of each output. Pieces are computed from it.
    struct Prepared {
        fileprivate let matrix: AdaptedMatrix
        fileprivate let factors: [Factors]
        fileprivate let growths: [[Float]]
        /// W of a piece, and W + s B A.
        fileprivate let frozen: Matrix
        fileprivate let turned: Matrix
        fileprivate let scratch: Memory

        /// Some of the stored rows of the merged matrix.
        func compute(_ range: Range<Int>, into piece: Matrix, on pool: ThreadPool) {
            matrix.widen(range, into: piece.base)
            guard growths.contains(where: { !$0.isEmpty }) else {
                for factors in factors { factors.add(range, to: piece, on: pool) }
                return
            }
            let (frozen, turned) = (frozen.rows(0..<range.count), turned.rows(0..<range.count))
            let count = piece.rows * piece.columns
            frozen.base.update(from: piece.base, count: count)
            let remaining = Float(1 - factors.reduce(0) { $0 + ($1.delta.magnitude == nil ? 0 : $1.delta.weight) })
            for i in 0..<count { piece.base[i] *= remaining }
            for (factors, growth) in zip(factors, growths) {
                guard !growth.isEmpty else {
                    factors.add(range, to: piece, on: pool)
                    continue
                }
                turned.base.update(from: frozen.base, count: count)
                factors.add(range, to: turned, on: pool)
                for row in 0..<piece.rows {
                    let (source, target) = (turned.row(row), piece.row(row))
                    if matrix.isTransposed {
                        for column in 0..<piece.columns { target[column] += growth[column] * source[column] }
                    } else {
                        let factor = growth[range.lowerBound + row]
                        for column in 0..<piece.columns { target[column] += factor * source[column] }
                    }
                }
            }
        }
    }

    /// - Parameter pieceRows: stored rows of the largest piece that will be asked for.
    func prepared(pieceRows: Int, on pool: ThreadPool) throws(MemoryError) -> Prepared {
        var factors: [Factors] = []
        for delta in deltas { factors.append(try Factors(delta, isTransposed: isTransposed)) }
        let usesDoRA = deltas.contains { $0.magnitude != nil }
        let scratch = try Memory(bytes: usesDoRA ? 8 * pieceRows * columns : 4)
        let floats = scratch.bind(to: Float.self).baseAddress!
        let frozen = Matrix(floats, rows: pieceRows, columns: columns)
        let turned = Matrix(floats + (usesDoRA ? pieceRows * columns : 0), rows: pieceRows, columns: columns)
        let growths = factors.map { growth($0, turned, on: pool) }
        return Prepared(
            matrix: self, factors: factors, growths: growths, frozen: frozen, turned: turned, scratch: scratch)
    }

    /// w m / ‖W + s B A‖ of each output; empty without DoRA. An output whose norm is 0 stays 0 or becomes not finite, as
    /// with PEFT.
    private func growth(_ factors: Factors, _ piece: Matrix, on pool: ThreadPool) -> [Float] {
        guard let magnitude = factors.delta.magnitude else { return [] }
        var squares = [Double](repeating: 0, count: isTransposed ? columns : rows)
        for start in stride(from: 0, to: rows, by: piece.rows) {
            let range = start..<min(rows, start + piece.rows)
            let part = piece.rows(0..<range.count)
            widen(range, into: part.base)
            factors.add(range, to: part, on: pool)
            for row in 0..<part.rows {
                let line = part.row(row)
                if isTransposed {
                    for column in 0..<columns { squares[column] += Double(line[column]) * Double(line[column]) }
                } else {
                    var sum = 0.0
                    for column in 0..<columns { sum += Double(line[column]) * Double(line[column]) }
                    squares[start + row] = sum
                }
            }
        }
        var growth = [Float](repeating: 0, count: squares.count)
        growth.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            magnitude.widen(from: 0, into: base, count: buffer.count)
            for i in buffer.indices {
                base[i] = Float(factors.delta.weight * Double(base[i]) / squares[i].squareRoot())
            }
        }
        return growth
    }

    /// Some of W's stored rows.
    private func widen(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>) {
        base.widen(from: range.lowerBound * columns, into: target, count: range.count * columns)
    }
}

extension AdaptedMatrix.Factors {
    /// piece += left · right, for some of the stored rows.
    fileprivate func add(_ range: Range<Int>, to piece: Matrix, on pool: ThreadPool) {
        Linear.backwardInput(left.rows(range), weight: right, into: piece, adding: true, on: pool)
    }
}
