import Kernels
import Testing

@Suite struct RMSNormTests {
    static let shapes = [(1, 1), (7, 9), (33, 17), (1, 8), (40, 100), (3, 576)]
    let epsilon: Float = 1e-5

    /// y = x w / √(mean(x²) + ε)
    private func twin(_ x: [Double], _ w: [Double]) -> [Double] {
        let width = w.count
        return stride(from: 0, to: x.count, by: width).flatMap { start in
            let row = x[start..<start + width]
            let root = (row.reduce(0) { $0 + $1 * $1 } / Double(width) + Double(epsilon)).squareRoot()
            return zip(row, w).map { $0 / root * $1 }
        }
    }

    @Test("RMSNorm forward equals its definition", arguments: shapes)
    func forward(rows: Int, width: Int) {
        var random = Random(1)
        let (x, w) = (Grid(rows, width, &random), Grid(1, width, &random))
        let (y, again, r) = (Grid(rows, width, gap: 5), Grid(rows, width), Grid(1, rows))
        let pool = ThreadPool(count: 2)
        RMSNorm.forward(x.matrix, weight: w.pointer, epsilon: epsilon, into: y.matrix, reciprocal: r.pointer, on: pool)
        #expect(deviation(y, from: twin(x.values, w.values)) < 1e-6)
        #expect(r.fenceHolds)
        RMSNorm.restore(x.matrix, weight: w.pointer, reciprocal: r.pointer, into: again.matrix, on: pool)
        #expect(again.floats == y.floats, "restored rows have the same bits")
    }

    // A row of one is x / |x|: flat but for ε, with nothing to compare.
    @Test("RMSNorm backward adds the slopes of its forward", arguments: shapes.filter { $0.1 > 1 })
    func backward(rows: Int, width: Int) {
        var random = Random(2)
        let (x, w, dy) = (Grid(rows, width, &random), Grid(1, width, &random), Grid(rows, width, gap: 1, &random))
        let (y, r) = (Grid(rows, width), Grid(1, rows))
        let (dx, dw) = (Grid(rows, width, gap: 2, &random), Grid(1, width, &random))
        let (startX, startW) = (dx.floats, dw.floats)
        let pool = ThreadPool(count: 2)
        RMSNorm.forward(x.matrix, weight: w.pointer, epsilon: epsilon, into: y.matrix, reciprocal: r.pointer, on: pool)
        RMSNorm.backward(
            dy.matrix, x.matrix, weight: w.pointer, reciprocal: r.pointer,
            into: dx.matrix, dWeight: dw.pointer, on: pool)
        #expect(dx.fenceHolds && dw.fenceHolds)
        let (xs, ws, upstream) = (x.values, w.values, dy.values)
        let gradientX = zip(dx.floats, startX).map { $0 - $1 }
        #expect(deviation(ofGradient: gradientX, at: xs, sampling: 64) { inner(twin($0, ws), upstream) } < 1e-5)
        let gradientW = zip(dw.floats, startW).map { $0 - $1 }
        #expect(deviation(ofGradient: gradientW, at: ws, sampling: 64) { inner(twin(xs, $0), upstream) } < 1e-5)
    }

    @Test("RMSNorm has the same bits on any number of threads")
    func threads() {
        expectSameBits("RMSNorm") { pool in
            var random = Random(3)
            let (x, w, dy) = (Grid(101, 203, &random), Grid(1, 203, &random), Grid(101, 203, &random))
            let (y, r) = (Grid(101, 203), Grid(1, 101))
            let (dx, dw) = (Grid(101, 203, &random), Grid(1, 203, &random))
            RMSNorm.forward(
                x.matrix, weight: w.pointer, epsilon: epsilon, into: y.matrix, reciprocal: r.pointer, on: pool)
            RMSNorm.backward(
                dy.matrix, x.matrix, weight: w.pointer, reciprocal: r.pointer,
                into: dx.matrix, dWeight: dw.pointer, on: pool)
            return [y, r, dx, dw]
        }
    }

    @Test("a NaN or an infinity anywhere in a row makes NaNs of RMSNorm", arguments: [Float.nan, .infinity])
    func notFinite(_ bad: Float) {
        var random = Random(4)
        let pool = ThreadPool(count: 1)
        for width in [1, 7, 8, 19] {
            for place in 0..<width {
                let (x, w) = (Grid(1, width, &random), Grid(1, width, &random))
                let (y, r) = (Grid(1, width), Grid(1, 1))
                x[0, place] = bad
                RMSNorm.forward(
                    x.matrix, weight: w.pointer, epsilon: epsilon, into: y.matrix, reciprocal: r.pointer, on: pool)
                #expect(y[0, place].isNaN)
            }
        }
    }

    @Test(
        "parts of a row are normalised alone, and a weight may be counted from one", arguments: [1, 3],
        [0, 1] as [Float])
    func parts(parts: Int, offset: Float) {
        var random = Random(5)
        let (rows, width) = (9, 11)
        let (x, w) = (Grid(rows, parts * width, &random), Grid(1, width, &random))
        let (y, again) = (Grid(rows, parts * width, gap: 5), Grid(rows, parts * width))
        let (dy, dx) = (Grid(rows, parts * width, &random), Grid(rows, parts * width, gap: 2, &random))
        let (r, dw) = (Grid(1, rows * parts), Grid(1, width, &random))
        let (startX, startW) = (dx.floats, dw.floats)
        let pool = ThreadPool(count: 2)
        RMSNorm.forward(
            x.matrix, parts: parts, weight: w.pointer, offset: offset, epsilon: epsilon, into: y.matrix,
            reciprocal: r.pointer, on: pool)
        RMSNorm.restore(
            x.matrix, parts: parts, weight: w.pointer, offset: offset, reciprocal: r.pointer, into: again.matrix,
            on: pool)
        RMSNorm.backward(
            dy.matrix, x.matrix, parts: parts, weight: w.pointer, offset: offset, reciprocal: r.pointer,
            into: dx.matrix, dWeight: dw.pointer, on: pool)
        func whole(_ x: [Double], _ w: [Double]) -> [Double] { twin(x, w.map { $0 + Double(offset) }) }
        #expect(deviation(y, from: whole(x.values, w.values)) < 1e-6)
        #expect(again.floats == y.floats && dx.fenceHolds && dw.fenceHolds && r.fenceHolds)
        let (xs, ws, upstream) = (x.values, w.values, dy.values)
        let gradientX = zip(dx.floats, startX).map { $0 - $1 }
        #expect(deviation(ofGradient: gradientX, at: xs, sampling: 64) { inner(whole($0, ws), upstream) } < 1e-5)
        let gradientW = zip(dw.floats, startW).map { $0 - $1 }
        #expect(deviation(ofGradient: gradientW, at: ws) { inner(whole(xs, $0), upstream) } < 1e-5)
    }
}
