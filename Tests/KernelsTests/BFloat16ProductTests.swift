import CKernels
import Kernels
import Testing

/// Products of bfloat16 against their definition, in every way that this CPU can compute them. AMX's loops, packing and edges
/// are tested by its twin in C where there is no AMX.
@Suite("Products of bfloat16") struct BFloat16ProductTests {
    static let ways: [(name: String, product: prefopt_product)] =
        [Int32(3), 4].filter { prefopt_has_level($0) != 0 }
        .map { ("float32 vectors, level \($0)", prefopt_kernels_of($0).pointee.bfloat16) }
        + (prefopt_has_bfloat16_pairs() != 0 ? [("AVX512_BF16", prefopt_bfloat16_by_pairs().pointee)] : [])
        + [("AMX's twin", prefopt_bfloat16_by_twin().pointee)]
        + (CPULevel.amx.isPresent ? [("AMX", prefopt_bfloat16_by_tiles().pointee)] : [])

    /// To the nearest, ties to even; denormals to zero, NaN quiet.
    static func rounded(_ x: Float) -> Float {
        let bits = x.bitPattern
        if x.isNaN { return Float(bitPattern: (bits | 0x40_0000) & 0xFFFF_0000) }
        if bits & 0x7FFF_FFFF < 0x80_0000 { return Float(bitPattern: bits & 0x8000_0000) }
        return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
    }

    /// The definition, for operands whose products and sums are no denormals.
    static func element(_ a: [Float], _ b: [Float], from start: Float) -> Float {
        var sum = start
        for block in stride(from: 0, to: a.count, by: 32) {
            var chains: [Float] = [0, 0]
            for k in block..<min(a.count, block + 32) { chains[k % 2].addProduct(rounded(a[k]), rounded(b[k])) }
            sum += chains[0] + chains[1]
        }
        return sum
    }

    @Test(
        "every way gives the definition's bits, at edges of tiles and blocks, and where a depth is packed in two runs",
        arguments: [
            (1, 1, 1, 0), (5, 17, 31, 0), (12, 32, 32, 0), (33, 65, 97, 33), (50, 20, 321, 288), (37, 31, 64, 7),
            (64, 64, 96, 32), (7, 100, 40, 1),
        ])
    func ways(rows: Int, columns: Int, depth: Int, cut: Int) {
        var random = Random(UInt64(depth))
        for lines in [(true, true), (true, false), (false, true), (false, false)] {
            let a = lines.0 ? Grid(rows, depth, &random) : Grid(depth, rows, &random)
            let b = lines.1 ? Grid(columns, depth, &random) : Grid(depth, columns, &random)
            a[0, 0] = 1e-39
            let start = Grid(rows, columns, &random)
            for way in Self.ways {
                for adding in [false, true] {
                    let c = start.copy()
                    multiply(way.product, a, lines.0, b, lines.1, depth: depth, cut: cut, into: c, adding: adding)
                    #expect(c.fenceHolds)
                    var wrong = 0
                    for i in stride(from: 0, to: rows, by: 2) {
                        let left = (0..<depth).map { lines.0 ? a[i, $0] : a[$0, i] }
                        for j in stride(from: i % 5, to: columns, by: 5) {
                            let right = (0..<depth).map { lines.1 ? b[j, $0] : b[$0, j] }
                            let expected = Self.element(left, right, from: adding ? start[i, j] : 0)
                            if c[i, j].bitPattern != expected.bitPattern { wrong += 1 }
                        }
                    }
                    #expect(wrong == 0, "\(way.name), lines are rows \(lines), adding \(adding)")
                }
            }
        }
    }

    private func multiply(
        _ product: prefopt_product, _ a: Grid, _ aLines: Bool, _ b: Grid, _ bLines: Bool, depth: Int, cut: Int,
        into c: Grid, adding: Bool
    ) {
        func packed(_ x: Grid, _ rowsAreLines: Bool, _ side: prefopt_side) -> (prefopt_panels, Grid) {
            let lines = rowsAreLines ? x.rows : x.columns
            let width = Int(side == prefopt_side_a ? product.rows : product.columns)
            let blocks = (depth + Int(product.block) - 1) / Int(product.block)
            let bytes = blocks * Int(product.block) * width * Int(product.element_bytes)
            // Anything but zeros before.
            let memory = Grid([Float](repeating: .nan, count: (lines + width - 1) / width * bytes / 4))
            let panels = prefopt_panels(base: memory.pointer, stride: bytes, width: Int32(width), side: side)
            for (first, count) in [(0, cut), (cut, depth - cut)] where count > 0 {
                let source = prefopt_rows(
                    base: x.pointer + first * (rowsAreLines ? 1 : x.stride), factors: nil, stride: x.stride,
                    elements: prefopt_float32)
                (rowsAreLines ? product.pack_rows : product.pack_columns)(source, lines, first, count, panels)
            }
            #expect(memory.fenceHolds)
            return (panels, memory)
        }
        let (left, leftMemory) = packed(a, aLines, prefopt_side_a)
        let (right, rightMemory) = packed(b, bLines, prefopt_side_b)
        withExtendedLifetime((leftMemory, rightMemory)) {
            product.multiply(left, right, depth, c.rows, c.columns, c.pointer, c.stride, adding ? 1 : 0)
        }
    }

    @Test("y = x Wᵀ, dx = dy W and dW = dyᵀ x have the same bits at every level and on any number of threads")
    func linear() {
        var random = Random(7)
        let (x, dy, w) = (Grid(70, 400, &random), Grid(70, 110, &random), Grid(110, 400, &random))
        func results(_ pool: ThreadPool) -> [[UInt32]] {
            let (y, dx, dw) = (Grid(70, 110), Grid(70, 400, &random).copy(), w.copy())
            RowMoves.clear(dx.matrix, on: pool)
            Linear.forward(x.matrix, weight: w.matrix, into: y.matrix, on: pool)
            Linear.backwardInput(dy.matrix, weight: w.matrix, into: dx.matrix, adding: true, on: pool)
            Linear.backwardWeight(dy.matrix, x.matrix, into: dw.matrix, on: pool)
            return [y, dx, dw].map { $0.floats.map(\.bitPattern) }
        }
        let expected = results(ThreadPool(count: 1, level: .v3, arithmetic: .bfloat16))
        #expect(expected[0] != results(ThreadPool(count: 1, level: .v3))[0])
        for level in CPULevel.allCases where level.isPresent {
            for threads in [1, 2, 3] {
                #expect(results(ThreadPool(count: threads, level: level, arithmetic: .bfloat16)) == expected)
            }
        }
        // And they are what the definition says.
        let left = (0..<400).map { x[3, $0] }
        for j in 0..<110 {
            #expect(expected[0][3 * 110 + j] == Self.element(left, (0..<400).map { w[j, $0] }, from: 0).bitPattern)
        }
    }

    @Test("frozen bfloat16 weights and an adapter's depths give the bits of the same weights in float32")
    func stored() {
        var random = Random(8)
        let (columns, depth) = (70, 61)
        let words = (0..<columns * depth).map { _ in UInt16(random.float().bitPattern >> 16) }
        let w = Grid(columns, depth, gap: 0)
        for i in 0..<columns {
            for k in 0..<depth { w[i, k] = Float(bitPattern: UInt32(words[i * depth + k]) << 16) }
        }
        let (x, low, factor) = (Grid(40, depth, &random), Grid(40, 8, &random), Grid(columns, 8, &random))
        words.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            let frozen = StoredMatrix.bfloat16(base, rows: columns, columns: depth)
            let same = StoredMatrix.float32(w.pointer, rows: columns, columns: depth)
            for level in CPULevel.allCases where level.isPresent {
                let pool = ThreadPool(count: 2, level: level, arithmetic: .bfloat16)
                let (y, z) = (Grid(40, columns), Grid(40, columns))
                for term in [nil, LowRank.Term(low: low.matrix, factor: factor.matrix)] {
                    Linear.forward(x.matrix, weight: frozen, term: term, into: y.matrix, on: pool)
                    Linear.forward(x.matrix, weight: same, term: term, into: z.matrix, on: pool)
                    #expect(y.bits == z.bits)
                }
            }
        }
    }
}
