import Kernels
import Testing

@Suite struct GradientSumTests {
    static let counts = [0, 1, 7, 8, 9, 100, 32_768, 100_001]

    @Test("the norm is √Σ g² to double precision, on any number of threads", arguments: counts)
    func norm(count: Int) {
        var random = Random(1)
        let g = Grid(random.floats(count))
        let expected = g.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let norm = GradientSum.norm(g.pointer, count: count, on: ThreadPool(count: 1))
        #expect(abs(norm - expected) <= 1e-12 * expected)
        for threads in [2, 3, 5] {
            #expect(GradientSum.norm(g.pointer, count: count, on: ThreadPool(count: threads)) == norm)
        }
    }

    @Test("the norm of large gradients doesn't overflow, and a NaN makes it one")
    func extremes() {
        let g = Grid([Float](repeating: 1e30, count: 50))
        let pool = ThreadPool(count: 2)
        #expect(abs(GradientSum.norm(g.pointer, count: 50, on: pool) / 50.0.squareRoot() - 1e30) < 1e24)
        for place in [0, 13, 47, 49] {
            let g = Grid([Float](repeating: 1, count: 50))
            g[0, place] = .nan
            #expect(GradientSum.norm(g.pointer, count: 50, on: pool).isNaN)
        }
    }
}
