import Kernels
import Testing

/// A stored matrix of random elements that owns its bytes, and the same matrix widened: the slow twin.
final class StoredSample: @unchecked Sendable {
    enum Kind: CaseIterable, Sendable { case float32, bfloat16, float16 }

    let stored: StoredMatrix
    let widened: Grid
    private let bytes: UnsafeMutableRawPointer

    /// Stored at an odd address, as old files have it.
    init(_ kind: Kind, _ rows: Int, _ columns: Int, transposed: Bool = false, _ random: inout Random) {
        widened = Grid(rows, columns, gap: 0)
        bytes = .allocate(byteCount: 4 * rows * columns + 1, alignment: 64)
        for row in 0..<rows {
            for column in 0..<columns {
                let place = transposed ? column * rows + row : row * columns + column
                let value = random.float()
                switch kind {
                case .float32:
                    widened[row, column] = value
                    bytes.storeBytes(of: value, toByteOffset: 4 * place + 1, as: Float.self)
                case .bfloat16:
                    let half = UInt16(value.bitPattern >> 16)
                    widened[row, column] = Float(bitPattern: UInt32(half) << 16)
                    bytes.storeBytes(of: half, toByteOffset: 2 * place + 1, as: UInt16.self)
                case .float16:
                    widened[row, column] = Float(Float16(value))
                    bytes.storeBytes(of: Float16(value).bitPattern, toByteOffset: 2 * place + 1, as: UInt16.self)
                }
            }
        }
        stored =
            switch kind {
            case .float32: .float32(bytes + 1, rows: rows, columns: columns, transposed: transposed)
            case .bfloat16: .bfloat16(bytes + 1, rows: rows, columns: columns, transposed: transposed)
            case .float16: .float16(bytes + 1, rows: rows, columns: columns, transposed: transposed)
            }
    }

    deinit { bytes.deallocate() }
}

/// Every bit of both products with a stored matrix and with its float32 twin, on several numbers of threads.
func expectSameProducts(
    _ what: String, _ stored: StoredMatrix, _ twin: Grid, rows t: Int,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let (n, k) = (twin.rows, twin.columns)
    #expect(stored.rows == n && stored.columns == k, "\(what): shape", sourceLocation: sourceLocation)
    var random = Random(UInt64(t + n + k))
    let (x, dy, bias) = (Grid(t, k, &random), Grid(t, n, &random), Grid(1, n, &random))
    func products(_ pool: ThreadPool, _ forward: (Grid) -> Void, _ backward: (Grid) -> Void) -> [[UInt32]] {
        let (y, dx) = (Grid(t, n), Grid(t, k))
        forward(y)
        backward(dx)
        return [y.bits, dx.bits]
    }
    var expected: [[UInt32]] = []
    for threads in [1, 2, 5] {
        let pool = ThreadPool(count: threads)
        if expected.isEmpty {
            expected = products(pool) {
                Linear.forward(x.matrix, weight: twin.matrix, bias: bias.pointer, into: $0.matrix, on: pool)
            } _: {
                Linear.backwardInput(dy.matrix, weight: twin.matrix, into: $0.matrix, adding: true, on: pool)
            }
        }
        let found = products(pool) {
            Linear.forward(x.matrix, weight: stored, bias: bias.pointer, into: $0.matrix, on: pool)
        } _: {
            Linear.backwardInput(dy.matrix, weight: stored, into: $0.matrix, adding: true, on: pool)
        }
        // Not compared inside #expect, which would print every bit.
        let same = found == expected
        #expect(same, "\(what), \(t) rows, \(threads) threads", sourceLocation: sourceLocation)
    }
}

/// A block of a stored matrix beside the same block of its twin.
func expectSameBlock(
    _ what: String, _ stored: StoredMatrix, _ twin: Grid, rows: Range<Int>, columns: Range<Int>,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let block = Grid(rows.count, columns.count)
    stored.widen(rows: rows, columns: columns, into: block.pointer, stride: block.stride)
    let expected = rows.flatMap { row in columns.map { twin[row, $0].bitPattern } }
    let same = block.floats.map(\.bitPattern) == expected && block.fenceHolds
    #expect(same, "\(what) [\(rows), \(columns)]", sourceLocation: sourceLocation)
}

@Suite struct StoredMatrixTests {
    @Test(
        "products with stored floats have every bit of those with float32", arguments: StoredSample.Kind.allCases,
        [false, true])
    func products(_ kind: StoredSample.Kind, transposed: Bool) {
        var random = Random(1)
        for (t, n, k) in [(1, 1, 1), (7, 9, 8), (17, 101, 33), (3, 401, 647), (130, 37, 50), (261, 200, 330)] {
            let sample = StoredSample(kind, n, k, transposed: transposed, &random)
            expectSameProducts("\(kind)", sample.stored, sample.widened, rows: t)
            withExtendedLifetime(sample) {}
        }
    }

    @Test("a view of some rows is their matrix", arguments: StoredSample.Kind.allCases, [false, true])
    func views(_ kind: StoredSample.Kind, transposed: Bool) {
        var random = Random(2)
        let sample = StoredSample(kind, 204, 77, transposed: transposed, &random)
        defer { withExtendedLifetime(sample) {} }
        for range in [0..<204, 0..<50, 3..<49, 49..<75, 73..<204, 200..<203] {
            let twin = Grid(rows: range, of: sample.widened)
            expectSameProducts("rows \(range)", sample.stored.rows(range), twin, rows: 11)
            expectSameProducts("the same, tall", sample.stored.rows(range), twin, rows: 230)
        }
        #expect(sample.stored.rows(60..<60).rows == 0)
    }

    @Test("any block is widened where it belongs and nothing else is touched", arguments: StoredSample.Kind.allCases)
    func blocks(_ kind: StoredSample.Kind) {
        var random = Random(4)
        for transposed in [false, true] {
            let sample = StoredSample(kind, 40, 53, transposed: transposed, &random)
            defer { withExtendedLifetime(sample) {} }
            for (rows, columns) in [(0..<40, 0..<53), (3..<4, 0..<53), (7..<31, 5..<6), (1..<20, 9..<50)] {
                expectSameBlock("\(kind)", sample.stored, sample.widened, rows: rows, columns: columns)
            }
        }
    }

    @Test("rows stored head by head are seen part by part")
    func partByPart() {
        var random = Random(5)
        let (heads, parts, height) = (3, 3, 7)
        let sample = StoredSample(.float16, heads * parts * height, 20, &random)
        defer { withExtendedLifetime(sample) {} }
        let twin = Grid(heads * parts * height, 20, gap: 0)
        for part in 0..<parts {
            for head in 0..<heads {
                for i in 0..<height {
                    for j in 0..<20 {
                        twin[(part * heads + head) * height + i, j] =
                            sample.widened[(head * parts + part) * height + i, j]
                    }
                }
            }
        }
        let seen = sample.stored.partByPart(heads: heads, parts: parts)
        expectSameProducts("part by part", seen, twin, rows: 9)
        expectSameBlock(
            "part by part", seen.rows(10..<50), Grid(rows: 10..<50, of: twin), rows: 2..<37, columns: 3..<20)
    }

    @Test("an aligned float32 tensor is multiplied where it lies, views of it too")
    func aligned() {
        var random = Random(6)
        let twin = Grid(90, 41, gap: 0, &random)
        defer { withExtendedLifetime(twin) {} }
        let stored = StoredMatrix.float32(twin.pointer, rows: 90, columns: 41)
        expectSameProducts("whole", stored, twin, rows: 12)
        expectSameProducts("view", stored.rows(7..<80), Grid(rows: 7..<80, of: twin), rows: 12)
        let turned = Grid(41, 90, gap: 0)
        for i in 0..<41 {
            for j in 0..<90 { turned[i, j] = twin[j, i] }
        }
        let transposed = StoredMatrix.float32(twin.pointer, rows: 41, columns: 90, transposed: true)
        expectSameProducts("transposed", transposed.rows(5..<30), Grid(rows: 5..<30, of: turned), rows: 12)
    }

    @Test("embeddings from stored tables have every bit of those from float32", arguments: StoredSample.Kind.allCases)
    func embedding(_ kind: StoredSample.Kind) {
        var random = Random(7)
        let (table, places) = (StoredSample(kind, 9, 601, &random), StoredSample(kind, 4, 601, &random))
        defer { withExtendedLifetime((table, places)) {} }
        let (tokens, positions): ([Int32], [Int32]) = ([8, 0, 3, 3, 5], [0, 1, 2, 3, 0])
        let pool = ThreadPool(count: 2)
        for scale in [Float(1), 2.25] {
            let (found, expected) = (Grid(5, 601), Grid(5, 601))
            Embedding.forward(table.stored, tokens, scale: scale, into: found.matrix, on: pool)
            Embedding.add(places.stored, positions, into: found.matrix, on: pool)
            Embedding.forward(table.widened.matrix, tokens, scale: scale, into: expected.matrix, on: pool)
            Embedding.add(places.widened.matrix, positions, into: expected.matrix, on: pool)
            #expect(found.bits == expected.bits)
        }
    }

    @Test("one element that isn't finite is found wherever it lies")
    func finite() {
        let (rows, columns) = (130, 300)
        let grid = Grid(rows, columns, gap: 0)
        defer { withExtendedLifetime(grid) {} }
        let pool = ThreadPool(count: 2)
        let stored = StoredMatrix.float32(grid.pointer, rows: rows, columns: columns)
        #expect(stored.isFinite(on: pool))
        for (row, column) in [(0, 0), (129, 299), (64, 256), (70, 13)] {
            grid[row, column] = row == 70 ? .nan : .infinity
            #expect(!stored.isFinite(on: pool))
            grid[row, column] = 0
        }
    }
}

extension Grid {
    /// A copy of some rows.
    convenience init(rows: Range<Int>, of other: Grid) {
        self.init(rows.count, other.columns, gap: 0)
        for i in rows {
            for j in 0..<other.columns { self[i - rows.lowerBound, j] = other[i, j] }
        }
    }
}
