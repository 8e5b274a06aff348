import Kernels
import Testing

/// The kernels of every level that this CPU has, against each other bit for bit and against slow twins.
@Suite("CPU levels") struct CPULevelTests {
    static let levels = CPULevel.allCases.filter(\.isPresent)

    @Test("auto and nothing take the best level; a level, an unknown word and one that the CPU lacks are told apart")
    func requests() throws {
        #expect(try CPULevel(environment: nil) == CPULevel.best)
        #expect(try CPULevel(environment: "auto") == CPULevel.best)
        #expect(try CPULevel(environment: "x86-64-v3") == .v3)
        let unknown = #expect(throws: CPULevelError.self) { try CPULevel(environment: "avx512") }
        #expect(
            unknown?.description
                == "PREFOPT_CPU_LEVEL is avx512; expected x86-64-v3, x86-64-v4, amx or auto")
        for level in CPULevel.allCases where !level.isPresent {
            let absent = #expect(throws: CPULevelError.self) { try CPULevel(environment: level.rawValue) }
            #expect(absent?.description.contains("this CPU has no \(level.description)") == true)
        }
    }

    /// One chain of fused multiply-adds for each part of the depth, as `MatrixProduct` defines it.
    private func chain(_ a: [Float], _ b: [Float], from start: Float?) -> Float {
        let parts = max(1, (a.count + 319) / 320)
        let length = ((a.count + parts - 1) / parts + 7) / 8 * 8
        var result = start
        for part in 0..<parts {
            var sum: Float = 0
            for k in part * length..<(part == parts - 1 ? a.count : (part + 1) * length) {
                sum.addProduct(a[k], b[k])
            }
            result = result.map { sum + $0 } ?? sum
        }
        return result ?? 0
    }

    @Test(
        "a product's elements are chains of multiply-adds, with the same bits at every level, at the edges of tiles too",
        arguments: [
            (1, 1, 1), (5, 15, 7), (6, 16, 8), (7, 17, 9), (11, 31, 31), (12, 32, 33), (13, 33, 64), (25, 65, 320),
            (50, 20, 321), (97, 100, 400), (200, 210, 650),
        ])
    func products(rows: Int, columns: Int, depth: Int) {
        var random = Random(UInt64(rows * 1000 + depth))
        let (x, w) = (Grid(rows, depth, &random), Grid(columns, depth, &random))
        let (across, turned) = (Grid(depth, rows, &random), Grid(depth, columns, &random))
        let start = Grid(rows, columns, &random)
        for level in Self.levels {
            let pool = ThreadPool(count: 2, level: level)
            let (y, dx, dw) = (start.copy(), start.copy(), start.copy())
            Linear.forward(x.matrix, weight: w.matrix, into: y.matrix, on: pool)
            Linear.backwardInput(x.matrix, weight: turned.matrix, into: dx.matrix, adding: true, on: pool)
            Linear.backwardWeight(across.matrix, turned.matrix, into: dw.matrix, on: pool)
            #expect(y.fenceHolds && dx.fenceHolds && dw.fenceHolds)
            var wrong = 0
            for i in 0..<rows {
                let (left, above) = ((0..<depth).map { x[i, $0] }, (0..<depth).map { across[$0, i] })
                for j in stride(from: i % 3, to: columns, by: 3) {
                    let (right, below) = ((0..<depth).map { w[j, $0] }, (0..<depth).map { turned[$0, j] })
                    if y[i, j].bitPattern != chain(left, right, from: nil).bitPattern { wrong += 1 }
                    if dx[i, j].bitPattern != chain(left, below, from: start[i, j]).bitPattern { wrong += 1 }
                    if dw[i, j].bitPattern != chain(above, below, from: start[i, j]).bitPattern { wrong += 1 }
                }
            }
            #expect(wrong == 0, "\(level.rawValue)")
        }
    }

    @Test("rows of every length have the same bits at every level: activations, softmax, log-probabilities")
    func passes() {
        for count in [1, 7, 8, 9, 15, 16, 17, 24, 31, 40, 100, 1030] {
            var random = Random(UInt64(count))
            let (gateUp, upstream) = (Grid(3, 2 * count, &random, scale: 3), Grid(3, count, &random))
            let targets: [Int32] = [0, Int32(count / 2), Int32(count - 1)]
            let gradients = Grid([0.5, -1, 2])
            func results(_ level: CPULevel) -> [[UInt32]] {
                let pool = ThreadPool(count: 1, level: level)
                var grids: [Grid] = []
                for f in Nonlinearity.allCases {
                    let (x, y) = (gateUp.copy(), upstream.copy())
                    let z = upstream.copy()
                    GatedActivation.forward(x.matrix, f, into: z.matrix, on: pool)
                    GatedActivation.backward(gateUp: x.matrix, f, activation: y.matrix, on: pool)
                    let (h, v, w) = (upstream.copy(), upstream.copy(), upstream.copy())
                    PlainActivation.forward(h.matrix, f, into: w.matrix, on: pool)
                    PlainActivation.backward(hidden: h.matrix, f, activation: v.matrix, on: pool)
                    grids += [x, y, z, h, v, w]
                }
                for cap in [nil, Float(4)] {
                    let (logits, normalizers, logps) = (gateUp.copy(), Grid(1, 3), Grid(1, 3))
                    let half = logits.matrix.columns(0..<count)
                    if let cap { SoftCap.forward(half, cap: cap, on: pool) }
                    TokenLogps.forward(
                        half, targets: targets, normalizers: normalizers.pointer, logps: logps.pointer, on: pool)
                    if let cap {
                        TokenLogps.backward(
                            half, cap: cap, targets: targets, normalizers: normalizers.pointer,
                            gradients: gradients.pointer, on: pool)
                    } else {
                        TokenLogps.backward(
                            half, targets: targets, normalizers: normalizers.pointer, gradients: gradients.pointer,
                            on: pool)
                    }
                    grids += [logits, normalizers, logps]
                }
                return grids.map(\.bits)
            }
            let expected = results(.v3)
            for level in Self.levels { #expect(results(level) == expected, "\(level.rawValue), \(count) elements") }
        }
    }
}
