import Kernels
import Testing

@Suite struct MagnitudeTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        /// Rows of W, those that the adapter adds to, K and r.
        var n: Int
        var rows: Range<Int>
        var k, r: Int
        var testDescription: String { "rows \(rows) of [\(n), \(k)], rank \(r)" }
    }

    static let shapes = [
        Shape(n: 1, rows: 0..<1, k: 1, r: 1), Shape(n: 9, rows: 0..<9, k: 8, r: 2),
        Shape(n: 50, rows: 17..<50, k: 33, r: 3), Shape(n: 101, rows: 5..<78, k: 300, r: 16),
        Shape(n: 40, rows: 3..<4, k: 257, r: 40),
    ]

    /// ‖W + s B A‖ of the rows, from the sum itself.
    private func norms(_ weight: Grid, _ rows: Range<Int>, adding term: (Int, Int) -> Double = { _, _ in 0 })
        -> [Double]
    {
        rows.map { row in
            (0..<weight.columns).reduce(0.0) { sum, column in
                let value = Double(weight[row, column]) + term(row - rows.lowerBound, column)
                return sum + value * value
            }.squareRoot()
        }
    }

    @Test("norms are those of the rows of W, however it is stored", arguments: shapes, StoredSample.Kind.allCases)
    func norms(_ shape: Shape, _ kind: StoredSample.Kind) {
        var random = Random(1)
        let sample = StoredSample(kind, shape.n, shape.k, transposed: kind == .float16, &random)
        let found = Grid(1, shape.rows.count)
        Magnitude.norms(sample.stored.rows(shape.rows), into: found.pointer, on: ThreadPool(count: 3))
        #expect(deviation(found, from: norms(sample.widened, shape.rows)) < 1e-6)
        withExtendedLifetime(sample) {}
    }

    @Test("reciprocal norms are those of W + s B A", arguments: shapes, [0.5, -3] as [Float])
    func reciprocalNorms(_ shape: Shape, _ scale: Float) {
        for kind in StoredSample.Kind.allCases {
            var random = Random(2)
            let sample = StoredSample(kind, shape.n, shape.k, transposed: kind == .bfloat16, &random)
            // B A is as large as W: every term of the square counts.
            let down = Grid(shape.k, shape.r, gap: 2, &random)
            let up = Grid(shape.rows.count, shape.r, gap: 1, &random)
            let (found, scratch) = (
                Grid(1, shape.rows.count),
                Grid(1, Magnitude.scratchCount(outputs: shape.rows.count, rank: shape.r), &random)
            )
            Magnitude.reciprocalNorms(
                sample.stored.rows(shape.rows), down: down.matrix, up: up.matrix, scale: scale,
                scratch: scratch.pointer, into: found.pointer, on: ThreadPool(count: 2))
            let expected = norms(sample.widened, shape.rows) { row, column in
                Double(scale) * (0..<shape.r).reduce(0.0) { $0 + Double(up[row, $1]) * Double(down[column, $1]) }
            }.map { 1 / $0 }
            #expect(deviation(found, from: expected) < 1e-5, "\(kind)")
            #expect(scratch.fenceHolds)
            withExtendedLifetime(sample) {}
        }
    }

    static let sizes = [(1, 1), (7, 9), (33, 70), (100, 17), (5, 203)]

    /// y = c ∘ z + b
    private func twin(_ z: [Double], _ c: [Double], _ b: [Double]) -> [Double] {
        z.indices.map { c[$0 % c.count] * z[$0] + b[$0 % c.count] }
    }

    @Test(
        "y = c ∘ z + b, set or added", arguments: sizes, [(false, false), (true, false), (false, true), (true, true)])
    func forward(_ size: (t: Int, n: Int), options: (bias: Bool, adding: Bool)) {
        var random = Random(3)
        let (z, y) = (Grid(size.t, size.n, gap: 1, &random), Grid(size.t, size.n, gap: 4, &random))
        let (c, b) = (Grid(1, size.n, &random), Grid(1, size.n, &random))
        let zeros = [Double](repeating: 0, count: size.n)
        let start = options.adding ? y.values : [Double](repeating: 0, count: size.t * size.n)
        let expected = zip(twin(z.values, c.values, options.bias ? b.values : zeros), start).map { $0 + $1 }
        Magnitude.forward(
            z.matrix, factors: c.pointer, bias: options.bias ? UnsafePointer(b.pointer) : nil, into: y.matrix,
            adding: options.adding, on: ThreadPool(count: 2))
        #expect(deviation(y, from: expected) < 1e-6)
    }

    @Test("dz and dm are the slopes of y = m ∘ z / ‖W + s B A‖, the norm being a constant", arguments: sizes)
    func backward(_ size: (t: Int, n: Int)) {
        var random = Random(4)
        let (z, dy) = (Grid(size.t, size.n, &random), Grid(size.t, size.n, gap: 1, &random))
        let (m, c, reciprocals) = (Grid(1, size.n, &random), Grid(1, size.n), Grid(1, size.n))
        for column in 0..<size.n {
            reciprocals[0, column] = 1.5 + random.float()
            c[0, column] = m[0, column] * reciprocals[0, column]
        }
        let (dz, dm) = (Grid(size.t, size.n, gap: 2, &random), Grid(1, size.n, &random))
        let start = dm.floats
        let pool = ThreadPool(count: 2)
        Magnitude.backward(dy.matrix, factors: c.pointer, into: dz.matrix, on: pool)
        Magnitude.backward(dy.matrix, z.matrix, reciprocals: reciprocals.pointer, into: dm.pointer, on: pool)
        #expect(dz.fenceHolds && dm.fenceHolds)
        let (upstream, constants, zeros) = (dy.values, reciprocals.values, [Double](repeating: 0, count: size.n))
        func loss(_ z: [Double], _ m: [Double]) -> Double {
            inner(twin(z, zip(m, constants).map { $0 * $1 }, zeros), upstream)
        }
        #expect(deviation(ofGradient: dz.floats, at: z.values, sampling: 64) { loss($0, m.values) } < 1e-5)
        let gradient = zip(dm.floats, start).map { $0 - $1 }
        #expect(deviation(ofGradient: gradient, at: m.values, sampling: 64) { loss(z.values, $0) } < 1e-5)
    }

    @Test("magnitudes have the same bits on any number of threads")
    func threads() {
        expectSameBits("DoRA") { pool in
            var random = Random(5)
            let (t, n, k, r) = (70, 150, 90, 5)
            let (w, down, up) = (Grid(n, k, gap: 0, &random), Grid(k, r, &random), Grid(n, r, &random))
            let (z, dy) = (Grid(t, n, &random), Grid(t, n, &random))
            let (norms, reciprocals) = (Grid(1, n), Grid(1, n))
            let (y, dz, dm) = (Grid(t, n, &random), Grid(t, n), Grid(1, n, &random))
            let scratch = Grid(1, Magnitude.scratchCount(outputs: n, rank: r))
            let stored = StoredMatrix.float32(w.pointer, rows: n, columns: k)
            Magnitude.norms(stored, into: norms.pointer, on: pool)
            Magnitude.reciprocalNorms(
                stored, down: down.matrix, up: up.matrix, scale: 2, scratch: scratch.pointer,
                into: reciprocals.pointer, on: pool)
            Magnitude.forward(
                z.matrix, factors: reciprocals.pointer, bias: norms.pointer, into: y.matrix, adding: true, on: pool)
            Magnitude.backward(dy.matrix, factors: norms.pointer, into: dz.matrix, on: pool)
            Magnitude.backward(dy.matrix, z.matrix, reciprocals: reciprocals.pointer, into: dm.pointer, on: pool)
            return [norms, reciprocals, y, dz, dm]
        }
    }
}
