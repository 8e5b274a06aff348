import Kernels
import Testing

@Suite struct LinearTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var t, n, k: Int
        var testDescription: String { "[\(t), \(k)] times [\(n), \(k)]" }
    }

    static let shapes = [
        Shape(t: 1, n: 1, k: 1), Shape(t: 7, n: 9, k: 8), Shape(t: 17, n: 100, k: 33), Shape(t: 1, n: 401, k: 5),
        Shape(t: 403, n: 387, k: 6),
    ]

    /// C = A B of row-major matrices, A [m, k], B [k, n]
    private func product(_ a: [Double], _ b: [Double], _ m: Int, _ n: Int, _ k: Int) -> [Double] {
        var c = [Double](repeating: 0, count: m * n)
        for i in 0..<m {
            for l in 0..<k {
                for j in 0..<n { c[i * n + j] += a[i * k + l] * b[l * n + j] }
            }
        }
        return c
    }

    private func transposed(_ a: [Double], _ rows: Int, _ columns: Int) -> [Double] {
        (0..<columns).flatMap { column in (0..<rows).map { a[$0 * columns + column] } }
    }

    private func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 + $1 } }

    @Test(
        "y = x Wᵀ + b, set or added", arguments: shapes, [(false, false), (true, false), (false, true), (true, true)])
    func forward(_ shape: Shape, options: (bias: Bool, adding: Bool)) {
        var random = Random(1)
        let (t, n, k) = (shape.t, shape.n, shape.k)
        let (x, w, b) = (Grid(t, k, gap: 1, &random), Grid(n, k, gap: 2, &random), Grid(1, n, &random))
        let y = Grid(t, n, &random)
        var expected = product(x.values, transposed(w.values, n, k), t, n, k)
        if options.bias { expected = sum(expected, (0..<t).flatMap { _ in b.values }) }
        if options.adding { expected = sum(expected, y.values) }
        Linear.forward(
            x.matrix, weight: w.matrix, bias: options.bias ? UnsafePointer(b.pointer) : nil,
            into: y.matrix, adding: options.adding, on: ThreadPool(count: 2))
        #expect(deviation(y, from: expected) < 2e-6)
    }

    @Test("dx = dy W, dW += dyᵀ x and db += Σ dy", arguments: shapes)
    func backward(_ shape: Shape) {
        var random = Random(2)
        let (t, n, k) = (shape.t, shape.n, shape.k)
        let (x, w, dy) = (Grid(t, k, gap: 1, &random), Grid(n, k, gap: 2, &random), Grid(t, n, &random))
        let pool = ThreadPool(count: 2)
        let expectedX = product(dy.values, w.values, t, k, n)
        let dx = Grid(t, k, &random)
        Linear.backwardInput(dy.matrix, weight: w.matrix, into: dx.matrix, adding: false, on: pool)
        #expect(deviation(dx, from: expectedX) < 2e-6)
        Linear.backwardInput(dy.matrix, weight: w.matrix, into: dx.matrix, adding: true, on: pool)
        #expect(deviation(dx, from: expectedX.map { 2 * $0 }) < 2e-6)

        let dw = Grid(n, k, &random)
        let expectedW = sum(dw.values, product(transposed(dy.values, t, n), x.values, n, k, t))
        Linear.backwardWeight(dy.matrix, x.matrix, into: dw.matrix, on: pool)
        #expect(deviation(dw, from: expectedW) < 4e-6)

        let db = Grid(1, n, &random)
        let ones = [Double](repeating: 1, count: t)
        let expectedB = sum(db.values, product(ones, dy.values, 1, n, t))
        Linear.backwardBias(dy.matrix, into: db.pointer, on: pool)
        #expect(deviation(db, from: expectedB) < 4e-6)
    }

    @Test("products have the same bits on any number of threads")
    func threads() {
        expectSameBits("linear") { pool in
            var random = Random(3)
            let (t, n, k) = (810, 500, 61)
            let (x, w, b) = (Grid(t, k, &random), Grid(n, k, &random), Grid(1, n, &random))
            let (y, dx) = (Grid(t, n), Grid(t, k))
            let (dw, db) = (Grid(n, k, &random), Grid(1, n, &random))
            Linear.forward(x.matrix, weight: w.matrix, bias: b.pointer, into: y.matrix, on: pool)
            Linear.backwardInput(y.matrix, weight: w.matrix, into: dx.matrix, adding: false, on: pool)
            Linear.backwardWeight(y.matrix, x.matrix, into: dw.matrix, on: pool)
            Linear.backwardBias(y.matrix, into: db.pointer, on: pool)
            return [y, dx, dw, db]
        }
    }

    @Test("a NaN in x or in W reaches its row or its column of y")
    func notFinite() {
        var random = Random(4)
        for inWeight in [false, true] {
            let (x, w, y) = (Grid(5, 20, &random), Grid(9, 20, &random), Grid(5, 9))
            if inWeight { w[3, 19] = .nan } else { x[3, 19] = .nan }
            Linear.forward(x.matrix, weight: w.matrix, into: y.matrix, on: ThreadPool(count: 1))
            for row in 0..<5 {
                for column in 0..<9 { #expect(y[row, column].isNaN == ((inWeight ? column : row) == 3)) }
            }
        }
    }
}
