import Scratch
import Statistics
import Testing

@Suite("Statistics") struct StatisticsTests {
    @Test("SplitMix64 gives the numbers of its reference implementation") func generator() {
        // https://prng.di.unimi.it/splitmix64.c from 1234567.
        var random = SplitMix64(state: 1_234_567)
        let numbers = (0..<5).map { _ in random.next() }
        #expect(
            numbers == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
        #expect(SplitMix64.mixed(1_234_567) == numbers[0])
    }

    @Test("Wilson's interval as in statsmodels") func wilson() {
        // statsmodels.stats.proportion.proportion_confint(7, 10, method="wilson")
        let interval = Interval.wilson(share: 0.7, of: 10)
        #expect(abs(interval.low - 0.3967781) < 1e-6)
        #expect(abs(interval.high - 0.8922087) < 1e-6)
        #expect(Interval.wilson(share: 0, of: 0) == Interval(0, 1))
        #expect(Interval.wilson(share: 1, of: 20).high == 1)
    }

    @Test("ties have the mean of their ranks; rho as in numpy") func spearman() throws {
        let (x, y) = ([1.0, 2, 2, 3, 5, 8, 8, 8], [2.0, 1, 4, 3, 7, 5, 9, 6])
        #expect(RankCorrelation.ranks(x) == [1, 2.5, 2.5, 4, 5, 7, 7, 7])
        let correlation = RankCorrelation(x, y)
        // numpy.corrcoef of scipy.stats.rankdata(x), rankdata(y)
        #expect(abs((try #require(correlation.rho)) - 0.7979215) < 1e-6)
        let interval = try #require(correlation.interval)
        #expect(interval.low < 0.7979215 && interval.high > 0.7979215)
        #expect(RankCorrelation([1, 1, 1], [1, 2, 3]).rho == nil)
        #expect(RankCorrelation([1, 2, 3, 4], [8, 6, 4, 2]).rho == -1)
    }

    @Test("the bootstrap's interval of a mean is the normal one, nearly") func bootstrap() {
        var random = SeededGenerator(state: 3)
        let values = (0..<400).map { _ in Double.random(in: 0..<1, using: &random) }
        let (drawn, normal) = (Bootstrap.mean(of: values, using: &random), Sample(values).interval)
        #expect(abs(drawn.low - normal.low) < 0.005)
        #expect(abs(drawn.high - normal.high) < 0.005)
        var again = SeededGenerator(state: 9)
        var same = SeededGenerator(state: 9)
        #expect(Bootstrap.mean(of: values, using: &again) == Bootstrap.mean(of: values, using: &same))
    }

    @Test("a paired difference is seen where the two means' intervals overlap") func paired() {
        var random = SeededGenerator(state: 5)
        let a = (0..<200).map { _ in Double.random(in: 0..<10, using: &random) }
        let b = a.map { $0 + 0.1 + Double.random(in: -0.2..<0.2, using: &random) }
        let (first, second) = (Sample(a).interval, Sample(b).interval)
        #expect(first.high > second.low)
        let difference = Bootstrap.difference(b, a, using: &random)
        #expect(difference.low > 0 && difference.high < 0.2)
    }

    @Test("any figure of the items drawn") func anyFigure() {
        var random = SeededGenerator(state: 1)
        let values: [Double] = (0..<50).map { Double($0) }
        let interval = Bootstrap.interval(items: 50, using: &random) { drawn in drawn.map { values[$0] }.median }
        #expect(interval.low < 24.5 && interval.high > 24.5 && interval.high - interval.low < 25)
    }

    @Test("quantiles as in numpy") func quantiles() {
        #expect([4.0, 1, 3, 2].quantile(0.25) == 1.75)
        #expect([4.0, 1, 3, 2].median == 2.5)
        #expect([Double]().median.isNaN)
    }

    @Test("bins hold every number once") func histogram() {
        var random = SeededGenerator(state: 2)
        let values = (0..<500).map { _ in Double.random(in: -1..<1, using: &random) }
        let edges = Histogram.edges(of: [values, [2.5]])
        let counts = Histogram.counts(of: values, edges: edges)
        #expect(counts.reduce(0, +) == 500)
        #expect(edges.last == 2.5)
        #expect(Histogram.edges(of: [[], []]).isEmpty)
        #expect(Histogram.counts(of: [1, 1], edges: Histogram.edges(of: [[1, 1]])) == [2])
    }
}
