import Kernels
import Testing

/// The narrow products of adapters, and the wide ones that they are added to.
@Suite struct LowRankTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var t, n, k, r: Int
        var testDescription: String { "[\(t), \(k)] through \(r) to \(n)" }
    }

    static let shapes = [
        Shape(t: 1, n: 1, k: 1, r: 1), Shape(t: 7, n: 40, k: 33, r: 3), Shape(t: 130, n: 96, k: 330, r: 16),
        Shape(t: 97, n: 20, k: 700, r: 8), Shape(t: 50, n: 410, k: 35, r: 64), Shape(t: 37, n: 50, k: 641, r: 70),
        Shape(t: 403, n: 48, k: 24, r: 200),
    ]

    /// C = A B in Double.
    private func product(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
        a.map { row in
            b[0].indices.map { column in zip(row, b).reduce(0) { $0 + $1.0 * $1.1[column] } }
        }
    }

    private func rows(_ grid: Grid) -> [[Double]] {
        (0..<grid.rows).map { row in (0..<grid.columns).map { Double(grid[row, $0]) } }
    }

    private func turned(_ a: [[Double]]) -> [[Double]] { a[0].indices.map { column in a.map { $0[column] } } }

    private func plus(_ a: [[Double]], _ b: [[Double]], times factor: Double = 1) -> [Double] {
        zip(a.joined(), b.joined()).map { $0 + factor * $1 }
    }

    @Test("u = s x Aᵀ, du = s dy B, dB += dyᵀ u and dAᵀ += xᵀ du", arguments: shapes)
    func narrow(_ shape: Shape) {
        var random = Random(1)
        let (t, n, k, r) = (shape.t, shape.n, shape.k, shape.r)
        let (x, dy) = (Grid(t, k, gap: 1, &random), Grid(t, n, gap: 3, &random))
        let (down, up) = (Grid(k, r, &random), Grid(n, r, &random))
        let (u, du) = (Grid(t, r, gap: 5, &random), Grid(t, r, gap: 2, &random))
        let pool = ThreadPool(count: 2)
        LowRank.reduce(x.matrix, down: down.matrix, scale: 0.5, into: u.matrix, on: pool)
        #expect(deviation(u, from: product(rows(x), rows(down)).joined().map { $0 / 2 }) < 2e-6)
        LowRank.backward(dy.matrix, up: up.matrix, scale: 0.5, into: du.matrix, on: pool)
        #expect(deviation(du, from: product(rows(dy), rows(up)).joined().map { $0 / 2 }) < 2e-6)

        let (dDown, dUp) = (Grid(k, r, &random), Grid(n, r, &random))
        let expectedDown = plus(rows(dDown), product(turned(rows(x)), rows(du)))
        let expectedUp = plus(rows(dUp), product(turned(rows(dy)), rows(u)))
        LowRank.backwardWeights(
            dy.matrix, u: u.matrix, into: dUp.matrix, x.matrix, du: du.matrix, into: dDown.matrix, on: pool)
        #expect(deviation(dDown, from: expectedDown) < 4e-6)
        #expect(deviation(dUp, from: expectedUp) < 4e-6)

        let dx = Grid(t, k)
        LowRank.expand(LowRank.Term(low: du.matrix, factor: down.matrix), into: dx.matrix, on: pool)
        #expect(deviation(dx, from: Array(product(rows(du), turned(rows(down))).joined())) < 2e-6)
    }

    @Test("a term is added to y = x Wᵀ + b and to dx = dy W, for stored weights of all kinds", arguments: shapes)
    func terms(_ shape: Shape) {
        var random = Random(2)
        let (t, n, k, r) = (shape.t, shape.n, shape.k, shape.r)
        let (x, dy) = (Grid(t, k, gap: 1, &random), Grid(t, n, &random))
        let (low, factor, other) = (Grid(t, r, gap: 4, &random), Grid(n, r, &random), Grid(k, r, &random))
        let bias = Grid(1, n, &random)
        let pool = ThreadPool(count: 2)
        for (kind, transposed) in [(StoredSample.Kind.float32, false), (.bfloat16, true), (.float16, false)] {
            let weight = StoredSample(kind, n, k, transposed: transposed, &random)
            defer { withExtendedLifetime(weight) {} }
            let w = rows(weight.widened)
            for adding in [false, true] {
                let (y, dx) = (Grid(t, n, gap: 2, &random), Grid(t, k, &random))
                let start = (y: rows(y), dx: rows(dx))
                Linear.forward(
                    x.matrix, weight: weight.stored, bias: bias.pointer,
                    term: LowRank.Term(low: low.matrix, factor: factor.matrix), into: y.matrix, adding: adding, on: pool
                )
                let xw = product(rows(x), turned(w)).map { zip($0, rows(bias)[0]).map { $0 + $1 } }
                var expected = plus(xw, product(rows(low), turned(rows(factor))))
                if adding { expected = zip(expected, start.y.joined()).map { $0 + $1 } }
                #expect(deviation(y, from: expected) < 3e-6)

                Linear.backwardInput(
                    dy.matrix, weight: weight.stored, term: LowRank.Term(low: low.matrix, factor: other.matrix),
                    into: dx.matrix, adding: adding, on: pool)
                expected = plus(product(rows(dy), w), product(rows(low), turned(rows(other))))
                if adding { expected = zip(expected, start.dx.joined()).map { $0 + $1 } }
                #expect(deviation(dx, from: expected) < 3e-6)
            }
        }
    }

    @Test("an adapter whose B is zero leaves every bit of y as it was, and a row doesn't depend on its neighbours")
    func zeros() {
        var random = Random(3)
        let (x, low, factor) = (Grid(61, 345, &random), Grid(61, 16, &random), Grid(77, 16))
        let weight = StoredSample(.float32, 77, 345, &random)
        defer { withExtendedLifetime(weight) {} }
        let pool = ThreadPool(count: 2)
        let (plain, adapted) = (Grid(61, 77), Grid(61, 77))
        Linear.forward(x.matrix, weight: weight.stored, into: plain.matrix, on: pool)
        Linear.forward(
            x.matrix, weight: weight.stored, term: LowRank.Term(low: low.matrix, factor: factor.matrix),
            into: adapted.matrix, on: pool)
        #expect(plain.bits == adapted.bits)

        let noise = Grid(77, 16, &random)
        Linear.forward(
            x.matrix, weight: weight.stored, term: LowRank.Term(low: low.matrix, factor: noise.matrix),
            into: adapted.matrix, on: pool)
        let alone = Grid(9, 77)
        Linear.forward(
            x.matrix.rows(20..<29), weight: weight.stored,
            term: LowRank.Term(low: low.matrix.rows(20..<29), factor: noise.matrix), into: alone.matrix, on: pool)
        for row in 0..<9 {
            for column in 0..<77 {
                #expect(alone[row, column].bitPattern == adapted[20 + row, column].bitPattern)
            }
        }
    }

    @Test("narrow and extended products have the same bits on any number of threads")
    func threads() {
        expectSameBits("low rank") { pool in
            var random = Random(4)
            let (t, n, k, r) = (810, 330, 350, 16)
            let (x, dy) = (Grid(t, k, &random), Grid(t, n, &random))
            let (down, up) = (Grid(k, r, &random), Grid(n, r, &random))
            let weight = StoredSample(.bfloat16, n, k, &random)
            defer { withExtendedLifetime(weight) {} }
            let (u, du, y, dx) = (Grid(t, r), Grid(t, r), Grid(t, n), Grid(t, k))
            let (dDown, dUp) = (Grid(k, r), Grid(n, r))
            LowRank.reduce(x.matrix, down: down.matrix, scale: 2, into: u.matrix, on: pool)
            Linear.forward(
                x.matrix, weight: weight.stored, term: LowRank.Term(low: u.matrix, factor: up.matrix), into: y.matrix,
                on: pool)
            LowRank.backward(dy.matrix, up: up.matrix, scale: 2, into: du.matrix, on: pool)
            Linear.backwardInput(
                dy.matrix, weight: weight.stored, term: LowRank.Term(low: du.matrix, factor: down.matrix),
                into: dx.matrix, adding: false, on: pool)
            LowRank.backwardWeights(
                dy.matrix, u: u.matrix, into: dUp.matrix, x.matrix, du: du.matrix, into: dDown.matrix, on: pool)
            return [u, y, du, dx, dDown, dUp]
        }
    }
}
