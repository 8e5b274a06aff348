import Statistics
import Testing

@Suite struct ParetoFrontTests {
    @Test("Hypervolumes of fronts made by hand are exact")
    func byHand() {
        #expect(ParetoFront.hypervolume(of: [[3, 1], [1, 3], [2, 2]], above: [0, 0]) == 6)
        #expect(ParetoFront.hypervolume(of: [[3, 1], [1, 3], [2, 2]], above: [1, 1]) == 1)
        // A point that is dominated, one twice, and one below the reference change nothing.
        #expect(ParetoFront.hypervolume(of: [[3, 1], [1, 3], [2, 2], [1, 1], [2, 2], [9, -1]], above: [0, 0]) == 6)
        #expect(ParetoFront.hypervolume(of: [[2, 1, 1], [1, 2, 1], [1, 1, 2]], above: [0, 0, 0]) == 4)
        #expect(ParetoFront.hypervolume(of: [[5], [2]], above: [1]) == 4)
        #expect(ParetoFront.hypervolume(of: [], above: [0, 0]) == 0)
        #expect(ParetoFront.hypervolume(of: [[0, 5]], above: [0, 0]) == 0)
    }

    /// Σ over subsets of the points, with alternating signs, of the box that all of them cover.
    private func inclusionExclusion(_ points: [[Double]]) -> Double {
        (1..<1 << points.count).reduce(0) { sum, subset in
            let chosen = points.indices.filter { subset >> $0 & 1 == 1 }.map { points[$0] }
            let box = points[0].indices.reduce(1.0) { product, axis in product * (chosen.map { $0[axis] }.min() ?? 0) }
            return sum + (chosen.count % 2 == 1 ? box : -box)
        }
    }

    @Test("Slices give what inclusion and exclusion give, for two and three objectives")
    func slices() {
        var state: UInt64 = 7
        func next() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 40) / Double(1 << 24)
        }
        for dimensions in [2, 3] {
            for _ in 0..<20 {
                let points = (0..<7).map { _ in (0..<dimensions).map { _ in next() } }
                let volume = ParetoFront.hypervolume(of: points, above: [Double](repeating: 0, count: dimensions))
                #expect(abs(volume - inclusionExclusion(points)) < 1e-12)
            }
        }
    }

    @Test("The front has the points that none beats")
    func members() {
        #expect(ParetoFront.members(of: [[3, 1], [1, 3], [2, 2], [1, 1], [2, 2], [3, 0]]) == [0, 1, 2])
        #expect(ParetoFront.members(of: [[1, 1, 1], [1, 1, 2], [2, 0, 0]]) == [1, 2])
    }
}
