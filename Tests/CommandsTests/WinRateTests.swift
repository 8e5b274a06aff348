import Commands
import Testing

@Suite("Win rates") struct WinRateTests {
    @Test("ties are halves; Wilson's interval as in statsmodels") func interval() {
        let rate = WinRate(
            scores: [1, 1, 1, 0.5, 0, 0.5, 1, 1, 0, 1], lengthDifferences: .init(repeating: 0, count: 10))
        #expect((rate.wins, rate.ties, rate.losses) == (6, 2, 2))
        #expect(rate.rate == 0.7)
        // statsmodels.stats.proportion.proportion_confint(7, 10, method="wilson")
        #expect(abs(rate.interval.low - 0.3967781) < 1e-6)
        #expect(abs(rate.interval.high - 0.8922087) < 1e-6)
    }

    @Test("lengths that differ by chance change nothing; a win that only follows length is none at equal lengths")
    func lengthControlled() throws {
        let balanced = WinRate(scores: [1, 1, 0, 0, 1, 1], lengthDifferences: [5, -5, 5, -5, 5, -5])
        #expect(abs((try #require(balanced.lengthControlledRate)) - 2.0 / 3) < 1e-3)
        // Three of four at greater length, one of four at smaller: nothing but length.
        let longer = WinRate(
            scores: [1, 1, 1, 0, 1, 1, 1, 0, 1, 0, 0, 0], lengthDifferences: [9, 9, 9, 9, 9, 9, 9, 9, -9, -9, -9, -9])
        #expect(longer.rate > 0.58)
        #expect(abs((try #require(longer.lengthControlledRate)) - 0.5) < 1e-3)
        let always = WinRate(scores: [1, 1, 1], lengthDifferences: [0, 0, 0])
        #expect((try #require(always.lengthControlledRate)) > 0.95)
        #expect(WinRate(scores: [], lengthDifferences: []).lengthControlledRate == nil)
    }
}
