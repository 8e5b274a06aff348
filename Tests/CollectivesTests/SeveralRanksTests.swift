import RankedTests
import Testing

/// Runs the suites "on ranks" of this target again, under mpirun.
@Suite(.serialized) struct SeveralRanksTests {
    @Test("collectives", arguments: Layout.all) func collectives(layout: Layout) throws {
        let failures = try layout.run(suites: "CollectivesTests\\..*TestsOnRanks")
        #expect(failures == nil)
    }
}
