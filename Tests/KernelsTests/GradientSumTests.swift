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

    @Test("partial sums of a vector in shares are those of the whole")
    func shares() {
        var random = Random(2)
        let count = 100_001
        let g = Grid(random.floats(count))
        let pool = ThreadPool(count: 2)
        func squares(_ borders: [Int]) -> [Double] {
            var partial = [Double](repeating: .nan, count: GradientSum.runs(count))
            for (start, end) in zip(borders, borders.dropFirst()) {
                GradientSum.squares(g.pointer, range: start..<end, into: &partial, on: pool)
            }
            return partial
        }
        let whole = squares([0, count])
        #expect(whole.reduce(0, +).squareRoot() == GradientSum.norm(g.pointer, count: count, on: pool))
        for cut in [1, 3, 24] { #expect(squares([0, cut * GradientSum.run, count]) == whole) }
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
