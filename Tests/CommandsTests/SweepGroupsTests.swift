import Commands
import Testing

@Suite struct SweepGroupsTests {
    /// Runs that halve with every doubling of ranks, but for what the ranks lose to each other.
    private func costs(_ runs: Int, loss: Double = 0.03) -> [(Int) -> Double] {
        (0..<runs).map { _ in { ranks in (ranks > 1 ? 1 + loss : 1) / Double(ranks) } }
    }

    @Test("As many groups as let all runs end first")
    func choice() {
        // Eight runs on four ranks: each rank alone.
        #expect(SweepGroups(wanted: nil, ranks: 4, costs: costs(8)).sizes == [1, 1, 1, 1])
        // One run is trained by all.
        #expect(SweepGroups(wanted: nil, ranks: 4, costs: costs(1)).sizes == [4])
        // Five runs on four ranks: four at once and one alone would take two turns, all together five quarters.
        #expect(SweepGroups(wanted: nil, ranks: 4, costs: costs(5)).sizes == [4])
        // Where ranks help each other little that isn't so.
        #expect(SweepGroups(wanted: nil, ranks: 4, costs: costs(5, loss: 2)).sizes.count > 1)
        #expect(SweepGroups(wanted: 9, ranks: 4, costs: costs(8)).sizes.count == 4)
        #expect(SweepGroups(wanted: 3, ranks: 5, costs: costs(8)).sizes == [2, 2, 1])
    }

    @Test("The ranks of a node stay in one group")
    func nodes() {
        let groups = SweepGroups(wanted: 2, ranks: 4, costs: costs(8))
        #expect(groups.members(nodes: [[0, 2], [1, 3]]) == [0, 1, 0, 1])
        #expect(groups.members(nodes: [[0, 1, 2, 3]]) == [0, 0, 1, 1])
    }
}
