import Kernels
import Testing

@Suite struct RowMovesTests {
    static let shapes = [(1, 1), (7, 9), (130, 17), (65, 100), (3, 8)]
    private let tableRows = 11

    private func indices(_ rows: Int) -> [Int32] {
        var random = Random(UInt64(rows))
        return (0..<rows).map { _ in Int32(random.index(below: tableRows)) }
    }

    @Test("a gather takes whole rows, in any order and more than once", arguments: shapes)
    func gather(rows: Int, width: Int) {
        var random = Random(1)
        let (table, y) = (Grid(tableRows, width, gap: 1, &random), Grid(rows, width))
        let places = indices(rows)
        places.withUnsafeBufferPointer {
            RowMoves.gather(table.matrix, $0.baseAddress!, into: y.matrix, on: ThreadPool(count: 3))
        }
        #expect(y.fenceHolds)
        #expect(y.floats == places.flatMap { place in (0..<width).map { table[Int(place), $0] } })
    }

    @Test("a scatter adds every row, in order, also where places repeat", arguments: shapes)
    func scatter(rows: Int, width: Int) {
        var random = Random(2)
        let (dy, table) = (Grid(rows, width, &random), Grid(tableRows, width, gap: 1, &random))
        let expected = table.copy()
        let places = indices(rows)
        for (t, place) in places.enumerated() {
            for column in 0..<width { expected[Int(place), column] += dy[t, column] }
        }
        places.withUnsafeBufferPointer {
            RowMoves.scatterAdd(dy.matrix, $0.baseAddress!, into: table.matrix, on: ThreadPool(count: 3))
        }
        #expect(table.bits == expected.bits)
    }

    @Test("a scatter is the derivative of a gather: ⟨gather x, y⟩ = ⟨x, scatter y⟩")
    func adjoint() {
        var random = Random(3)
        let (x, y) = (Grid(tableRows, 21, &random), Grid(77, 21, &random))
        let (gathered, scattered) = (Grid(77, 21), Grid(tableRows, 21))
        let pool = ThreadPool(count: 2)
        indices(77).withUnsafeBufferPointer {
            RowMoves.gather(x.matrix, $0.baseAddress!, into: gathered.matrix, on: pool)
            RowMoves.scatterAdd(y.matrix, $0.baseAddress!, into: scattered.matrix, on: pool)
        }
        #expect(abs(inner(gathered.values, y.values) - inner(x.values, scattered.values)) < 1e-5)
    }

    @Test("copy and clear touch every element and nothing else", arguments: shapes)
    func whole(rows: Int, width: Int) {
        var random = Random(4)
        let (x, y) = (Grid(rows, width, gap: 1, &random), Grid(rows, width, &random))
        let pool = ThreadPool(count: 2)
        RowMoves.copy(x.matrix, into: y.matrix, on: pool)
        #expect(y.floats == x.floats && y.fenceHolds)
        RowMoves.clear(y.matrix, on: pool)
        #expect(y.floats.allSatisfy { $0 == 0 } && y.fenceHolds)
    }

    @Test("row movements have the same bits on any number of threads")
    func threads() {
        expectSameBits("row movements") { pool in
            var random = Random(5)
            let (dy, table, y) = (Grid(300, 150, &random), Grid(tableRows, 150, &random), Grid(300, 150))
            indices(300).withUnsafeBufferPointer {
                RowMoves.scatterAdd(dy.matrix, $0.baseAddress!, into: table.matrix, on: pool)
                RowMoves.gather(table.matrix, $0.baseAddress!, into: y.matrix, on: pool)
            }
            return [table, y]
        }
    }
}
