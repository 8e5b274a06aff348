import Statistics
import Testing

@Suite struct StudentIntervalTests {
    @Test("Student's quantiles are scipy's, and the interval of a few numbers is theirs")
    func student() {
        // scipy.stats.t.ppf(0.975, n)
        for (freedom, value) in [(1, 12.7062), (2, 4.3027), (9, 2.2622), (11, 2.2010), (30, 2.0423), (200, 1.9719)] {
            #expect(abs(Sample.studentQuantile(freedom: freedom) - value) < 1e-3)
        }
        // scipy.stats.t.interval(0.95, 2, loc=2, scale=scipy.stats.sem([1, 2, 3]))
        #expect(abs((Sample([1, 2, 3]).studentHalfWidth ?? 0) - 2.48414) < 1e-4)
        #expect(Sample([1]).studentHalfWidth == nil)
    }
}
