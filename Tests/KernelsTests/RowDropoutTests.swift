import Kernels
import Statistics
import Testing

@Suite struct RowDropoutTests {
    /// The elements that dropout keeps, by rows of keys.
    private func kept(
        _ keys: [UInt64], columns: Int, module: Int = 1, probability: Double, threads: Int = 1
    ) -> [[Bool]] {
        var random = Random(1)
        let (x, y) = (Grid(keys.count, columns, gap: 3, &random), Grid(keys.count, columns, gap: 1))
        for row in 0..<keys.count {
            for column in 0..<columns { x[row, column] = 2 }
        }
        keys.withUnsafeBufferPointer { keys in
            RowDropout(
                keys: keys.baseAddress!, rows: keys.count, outputKeys: keys.baseAddress!, probability: probability
            ).copy(x.matrix, module: module, into: y.matrix, on: ThreadPool(count: threads))
        }
        #expect(y.fenceHolds)
        let scaled = Float(2 / (1 - probability))
        for row in 0..<keys.count {
            for column in 0..<columns {
                #expect(y[row, column] == 0 || abs(y[row, column] - scaled) < 1e-3 * scaled)
            }
        }
        return (0..<keys.count).map { row in (0..<columns).map { y[row, $0] != 0 } }
    }

    private func keys(_ count: Int) -> [UInt64] { (0..<count).map { SplitMix64.mixed(UInt64($0)) } }

    @Test("1 − p of the elements stay, divided by 1 − p", arguments: [0.05, 0.1, 0.5, 0.9])
    func share(_ p: Double) {
        let (rows, columns) = (400, 515)
        let marks = kept(keys(rows), columns: columns, probability: p)
        let share = Double(marks.joined().count { $0 }) / Double(rows * columns)
        let deviation = (p * (1 - p) / Double(rows * columns)).squareRoot()
        #expect(abs(share - (1 - p)) < 5 * deviation)
        // In every column as well: a draw's two halves, and all lanes.
        for column in 0..<columns {
            let share = Double(marks.count { $0[column] }) / Double(rows)
            #expect(abs(share - (1 - p)) < 6 * (p * (1 - p) / Double(rows)).squareRoot(), "column \(column)")
        }
    }

    @Test("elements beside each other, halves of a draw, rows and modules fall independently")
    func independence() {
        let (rows, columns, p) = (300, 512, 0.5)
        let marks = kept(keys(rows), columns: columns, probability: p)
        let other = kept(keys(rows), columns: columns, module: 2, probability: p)
        func agreement(_ pairs: [(Bool, Bool)]) -> Double {
            Double(pairs.count { $0.0 == $0.1 }) / Double(pairs.count)
        }
        for distance in [1, 2, 8, 16, 64] {
            let pairs = marks.flatMap { row in (0..<columns - distance).map { (row[$0], row[$0 + distance]) } }
            #expect(abs(agreement(pairs) - 0.5) < 5 * 0.5 / Double(pairs.count).squareRoot(), "distance \(distance)")
        }
        let below = (0..<rows - 1).flatMap { row in (0..<columns).map { (marks[row][$0], marks[row + 1][$0]) } }
        #expect(abs(agreement(below) - 0.5) < 5 * 0.5 / Double(below.count).squareRoot())
        let beside = (0..<rows).flatMap { row in (0..<columns).map { (marks[row][$0], other[row][$0]) } }
        #expect(abs(agreement(beside) - 0.5) < 5 * 0.5 / Double(beside.count).squareRoot())
    }

    @Test("a row's mask is its key's: not its place's, its neighbours', the threads'")
    func place() {
        let all = keys(70)
        let marks = kept(all, columns: 75, probability: 0.3)
        #expect(kept(all, columns: 75, probability: 0.3, threads: 3) == marks)
        #expect(kept(all.reversed(), columns: 75, probability: 0.3) == marks.reversed())
        #expect(kept([all[41]], columns: 75, probability: 0.3) == [marks[41]])
        // A longer row begins alike.
        #expect(kept([all[41]], columns: 200, probability: 0.3)[0].prefix(64) == marks[41].prefix(64))
    }

    @Test("what is added is what was copied, in the output rows by their own keys")
    func adding() {
        var random = Random(2)
        let (all, few) = (keys(50), Array(keys(50).suffix(20)))
        let (x, copy, sum) = (Grid(20, 43, &random), Grid(20, 43), Grid(20, 43, &random))
        let before = sum.values
        let pool = ThreadPool(count: 2)
        all.withUnsafeBufferPointer { all in
            few.withUnsafeBufferPointer { few in
                let dropout = RowDropout(
                    keys: all.baseAddress!, rows: 50, outputKeys: few.baseAddress!, probability: 0.4)
                dropout.copy(x.matrix, module: 5, into: copy.matrix, on: pool)
                dropout.apply(to: x.matrix, module: 5, addingTo: sum.matrix, on: pool)
            }
        }
        #expect(copy.values.count { $0 == 0 } > 200)
        #expect(sum.floats == zip(before, copy.values).map { Float($0) + Float($1) })
    }
}
