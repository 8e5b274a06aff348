/// Percentile intervals by drawing the numbers again, with repetition: B. Efron, Ann. Stat. 7 (1979) 1.
package enum Bootstrap {
    /// Draws of a set of numbers.
    package static let usualResamples = 2000
    /// From this many numbers on the normal interval is taken: it is the same to the digits that are shown, and quick.
    package static let many = 20_000

    /// The 95 % interval of the mean of some numbers. From −∞ to ∞ without numbers.
    package static func mean(
        of values: [Double], resamples: Int = usualResamples, using random: inout some RandomNumberGenerator
    ) -> Interval {
        guard !values.isEmpty else { return Interval(-.infinity, .infinity) }
        guard values.count < many else { return Sample(values).interval }
        // A generator that the compiler knows draws many times faster.
        var random = Resampling(seed: random.next())
        let means = (0..<resamples).map { _ in
            var sum = 0.0
            for _ in values.indices { sum += values[Int.random(in: values.indices, using: &random)] }
            return sum / Double(values.count)
        }.sorted()
        return Interval(means.quantile(ofSorted: 0.025), means.quantile(ofSorted: 0.975))
    }

    /// The 95 % interval of the mean of a − b, where both were measured on the same items: items are drawn, each with both
    /// its numbers.
    ///
    /// - Precondition: as many of one as of the other.
    package static func difference(
        _ a: [Double], _ b: [Double], resamples: Int = usualResamples, using random: inout some RandomNumberGenerator
    ) -> Interval {
        precondition(a.count == b.count, "paired numbers")
        return mean(of: zip(a, b).map { $0 - $1 }, resamples: resamples, using: &random)
    }

    /// The 95 % interval of any figure of a set of items.
    ///
    /// - Parameter figure: of the items with these indices.
    package static func interval(
        items: Int, resamples: Int = usualResamples, using random: inout some RandomNumberGenerator,
        of figure: ([Int]) -> Double
    ) -> Interval {
        guard items > 0 else { return Interval(-.infinity, .infinity) }
        let figures = (0..<resamples).map { _ in
            figure((0..<items).map { _ in Int.random(in: 0..<items, using: &random) })
        }.sorted()
        return Interval(figures.quantile(ofSorted: 0.025), figures.quantile(ofSorted: 0.975))
    }
}
