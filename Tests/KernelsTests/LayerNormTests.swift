import Kernels
import Testing

@Suite struct LayerNormTests {
    static let shapes = [(7, 9), (33, 17), (5, 8), (40, 100), (3, 576)]
    let epsilon: Float = 1e-5

    /// y = (x − μ) / √(σ² + ε) · w + b
    private func twin(_ x: [Double], _ w: [Double], _ b: [Double]) -> [Double] {
        let width = w.count
        return stride(from: 0, to: x.count, by: width).flatMap { start in
            let row = x[start..<start + width]
            let mean = row.reduce(0, +) / Double(width)
            let root = (row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width) + Double(epsilon)).squareRoot()
            return zip(row, zip(w, b)).map { ($0 - mean) / root * $1.0 + $1.1 }
        }
    }

    @Test("LayerNorm and its slopes equal their definitions", arguments: shapes)
    func bothWays(rows: Int, width: Int) {
        var random = Random(1)
        let (x, w, b) = (Grid(rows, width, &random), Grid(1, width, &random), Grid(1, width, &random))
        let (y, again, s) = (Grid(rows, width, gap: 5), Grid(rows, width), Grid(rows, 2, gap: 0))
        let (dy, dx) = (Grid(rows, width, gap: 1, &random), Grid(rows, width, gap: 2, &random))
        let (dw, db) = (Grid(1, width, &random), Grid(1, width, &random))
        let (startX, startW, startB) = (dx.floats, dw.floats, db.floats)
        let pool = ThreadPool(count: 2)
        LayerNorm.forward(
            x.matrix, weight: w.pointer, bias: b.pointer, epsilon: epsilon, into: y.matrix, statistics: s.pointer,
            on: pool)
        LayerNorm.restore(
            x.matrix, weight: w.pointer, bias: b.pointer, statistics: s.pointer, into: again.matrix, on: pool)
        LayerNorm.backward(
            dy.matrix, x.matrix, weight: w.pointer, statistics: s.pointer, into: dx.matrix, dWeight: dw.pointer,
            dBias: db.pointer, on: pool)
        #expect(deviation(y, from: twin(x.values, w.values, b.values)) < 1e-6)
        #expect(again.floats == y.floats, "restored rows have the same bits")
        #expect(dx.fenceHolds && dw.fenceHolds && db.fenceHolds && s.fenceHolds)
        let (xs, ws, bs, upstream) = (x.values, w.values, b.values, dy.values)
        func gradient(_ grid: Grid, _ start: [Float]) -> [Float] { zip(grid.floats, start).map { $0 - $1 } }
        #expect(
            deviation(ofGradient: gradient(dx, startX), at: xs, sampling: 64) { inner(twin($0, ws, bs), upstream) }
                < 1e-5)
        #expect(
            deviation(ofGradient: gradient(dw, startW), at: ws, sampling: 64) { inner(twin(xs, $0, bs), upstream) }
                < 1e-5)
        #expect(
            deviation(ofGradient: gradient(db, startB), at: bs, sampling: 64) { inner(twin(xs, ws, $0), upstream) }
                < 1e-5)
    }

    @Test("LayerNorm has the same bits on any number of threads")
    func threads() {
        expectSameBits("LayerNorm") { pool in
            var random = Random(3)
            let (x, w, b) = (Grid(101, 203, &random), Grid(1, 203, &random), Grid(1, 203, &random))
            let (y, s, dy) = (Grid(101, 203), Grid(101, 2, gap: 0), Grid(101, 203, &random))
            let (dx, dw, db) = (Grid(101, 203, &random), Grid(1, 203, &random), Grid(1, 203, &random))
            LayerNorm.forward(
                x.matrix, weight: w.pointer, bias: b.pointer, epsilon: epsilon, into: y.matrix, statistics: s.pointer,
                on: pool)
            LayerNorm.backward(
                dy.matrix, x.matrix, weight: w.pointer, statistics: s.pointer, into: dx.matrix, dWeight: dw.pointer,
                dBias: db.pointer, on: pool)
            return [y, s, dx, dw, db]
        }
    }

    @Test("a NaN or an infinity anywhere in a row makes NaNs of LayerNorm", arguments: [Float.nan, .infinity])
    func notFinite(_ bad: Float) {
        var random = Random(4)
        for width in [2, 7, 8, 19] {
            let (x, w, b) = (Grid(1, width, &random), Grid(1, width, &random), Grid(1, width, &random))
            let (y, s) = (Grid(1, width), Grid(1, 2))
            x[0, width - 1] = bad
            LayerNorm.forward(
                x.matrix, weight: w.pointer, bias: b.pointer, epsilon: epsilon, into: y.matrix, statistics: s.pointer,
                on: ThreadPool(count: 1))
            #expect(y[0, width - 1].isNaN)
        }
    }
}
