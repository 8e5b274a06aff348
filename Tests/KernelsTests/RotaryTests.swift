import Foundation
import Kernels
import Testing

@Suite struct RotaryTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var rows, heads, half: Int
        var scale = 1.0
        /// Elements of a head that don't turn.
        var still = 0
        var headWidth: Int { 2 * half + still }
        var testDescription: String { "\(rows) rows, \(heads) heads of \(2 * half) + \(still), scale \(scale)" }
    }

    static let shapes = [
        Shape(rows: 1, heads: 1, half: 1), Shape(rows: 7, heads: 3, half: 4), Shape(rows: 35, heads: 2, half: 9),
        Shape(rows: 5, heads: 9, half: 32, scale: 1.25), Shape(rows: 9, heads: 3, half: 4, still: 5),
    ]

    private func frequencies(_ half: Int) -> [Double] { (0..<half).map { pow(10000, -Double($0) / Double(half)) } }
    private func positions(_ rows: Int) -> [Int32] { (0..<rows).map { Int32($0 * 37 % 101) } }

    /// (a + ib) e^{iθ} · scale, for every pair of halves
    private func twin(_ x: [Double], _ shape: Shape) -> [Double] {
        var y = x
        let (half, width) = (shape.half, shape.heads * shape.headWidth)
        for (t, position) in positions(shape.rows).enumerated() {
            for head in 0..<shape.heads {
                for (i, frequency) in frequencies(half).enumerated() {
                    let low = t * width + head * shape.headWidth + i
                    let (c, s) = (cos(Double(position) * frequency), sin(Double(position) * frequency))
                    y[low] = (x[low] * c - x[low + half] * s) * shape.scale
                    y[low + half] = (x[low] * s + x[low + half] * c) * shape.scale
                }
            }
        }
        return y
    }

    private func turned(_ x: Grid, _ shape: Shape, backward: Bool = false, on pool: ThreadPool) -> Grid {
        let rotary = Rotary(
            frequencies: frequencies(shape.half), scale: shape.scale, positions: 101, headWidth: shape.headWidth)
        let y = x.copy()
        positions(shape.rows).withUnsafeBufferPointer {
            if backward {
                rotary.backward(y.matrix, heads: shape.heads, rows: $0.baseAddress!, on: pool)
            } else {
                rotary.forward(y.matrix, heads: shape.heads, rows: $0.baseAddress!, on: pool)
            }
        }
        return y
    }

    @Test("rotary positions turn each pair of halves by position times frequency", arguments: shapes)
    func forward(_ shape: Shape) {
        var random = Random(1)
        let x = Grid(shape.rows, shape.heads * shape.headWidth, &random)
        #expect(deviation(turned(x, shape, on: ThreadPool(count: 2)), from: twin(x.values, shape)) < 1e-6)
    }

    @Test("rotary backward is the slope of its forward", arguments: shapes)
    func backward(_ shape: Shape) {
        var random = Random(2)
        let width = shape.heads * shape.headWidth
        let (x, dy) = (Grid(shape.rows, width, &random), Grid(shape.rows, width, &random))
        let dx = turned(dy, shape, backward: true, on: ThreadPool(count: 2))
        #expect(dx.fenceHolds)
        let upstream = dy.values
        #expect(
            deviation(ofGradient: dx.floats, at: x.values, sampling: 64) { inner(twin($0, shape), upstream) } < 1e-5)
    }

    @Test("rotary positions have the same bits on any number of threads")
    func threads() {
        let shape = Shape(rows: 150, heads: 3, half: 12)
        var random = Random(3)
        let x = Grid(shape.rows, 72, &random)
        expectSameBits("rotary") { pool in [turned(x, shape, on: pool), turned(x, shape, backward: true, on: pool)] }
    }

    @Test("position zero leaves a row as it is, bit for bit")
    func zero() {
        var random = Random(4)
        let x = Grid(1, 16, &random)
        #expect(turned(x, Shape(rows: 1, heads: 1, half: 8), on: ThreadPool(count: 1)).floats == x.floats)
    }

    @Test("a table's rows may differ in position and frequencies")
    func ownFrequencies() {
        var random = Random(5)
        let x = Grid(3, 8, &random)
        let frequencies = [[0.5, 0.1], [0.25, 0.3], [0.75, 0.2]]
        let table = Rotary(rows: 3, half: 2, scale: 1.5, headWidth: nil) { (Double(10 + $0), frequencies[$0]) }
        let y = x.copy()
        [Int32(2), 0, 1].withUnsafeBufferPointer {
            table.forward(y.matrix, heads: 2, rows: $0.baseAddress!, on: ThreadPool(count: 1))
        }
        var expected = x.values
        for (t, row) in [2, 0, 1].enumerated() {
            for low in [8 * t, 8 * t + 1, 8 * t + 4, 8 * t + 5] {
                let angle = Double(10 + row) * frequencies[row][low % 2]
                let (a, b) = (x.values[low], x.values[low + 2])
                expected[low] = 1.5 * (a * cos(angle) - b * sin(angle))
                expected[low + 2] = 1.5 * (b * cos(angle) + a * sin(angle))
            }
        }
        #expect(deviation(y, from: expected) < 1e-6)
    }
}
