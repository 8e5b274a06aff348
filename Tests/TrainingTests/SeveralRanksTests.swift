import RankedTests
import Testing

/// Runs the suites "on ranks" of this target again, under mpirun.
@Suite(.serialized) struct SeveralRanksTests {
    @Test("gradients", arguments: Layout.all) func gradients(layout: Layout) throws {
        let failures = try layout.run(suites: "TrainingTests\\..*TestsOnRanks")
        #expect(failures == nil)
    }
}
