import Kernels
import Testing

@Suite struct RowWeightsTests {
    @Test("every part but the last is multiplied by its row's weight", arguments: [(5, 2, 3), (130, 3, 1), (70, 1, 8)])
    func parts(rows: Int, objectives: Int, width: Int) {
        var random = Random(3)
        let u = Grid(rows, (objectives + 1) * width, &random)
        let outputs = Grid(rows / 2, (objectives + 1) * width, &random)
        let weights = (0..<4 * objectives).map { _ in random.float() }
        let sequences = (0..<rows).map { Int32($0 % 4) }
        let outputSequences = (0..<rows / 2).map { Int32(3 - $0 % 4) }
        for (grid, owners) in [(u, sequences), (outputs, outputSequences)] {
            let before = grid.copy()
            sequences.withUnsafeBufferPointer { all in
                outputSequences.withUnsafeBufferPointer { some in
                    weights.withUnsafeBufferPointer { weights in
                        RowWeights(
                            sequences: all.baseAddress!, rows: rows, outputSequences: some.baseAddress!,
                            weights: weights.baseAddress!, objectives: objectives
                        ).multiply(grid.matrix, on: ThreadPool(count: 3))
                    }
                }
            }
            #expect(grid.fenceHolds)
            for t in 0..<grid.rows {
                for column in 0..<grid.columns {
                    let part = column / width
                    let factor = part < objectives ? weights[Int(owners[t]) * objectives + part] : 1
                    #expect(grid[t, column] == before[t, column] * factor)
                }
            }
        }
    }
}
