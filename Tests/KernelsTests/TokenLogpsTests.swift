import Foundation
import Kernels
import Testing

@Suite struct TokenLogpsTests {
    static let shapes = [(1, 1), (1, 7), (7, 9), (3, 17), (5, 100), (2, 5003)]

    /// log softmax at the target, in a row's plain definition
    private func twin(_ logits: [Double], _ targets: [Int32], _ width: Int) -> [Double] {
        targets.enumerated().map { row, target in
            let values = logits[row * width..<(row + 1) * width]
            let peak = values.max()!
            return values[row * width + Int(target)] - peak - log(values.reduce(0) { $0 + exp($1 - peak) })
        }
    }

    private func targets(_ rows: Int, _ width: Int) -> [Int32] {
        (0..<rows).map { Int32(($0 * 31 + width / 2) % width) }
    }

    /// The logps of a copy of the logits, and that copy after the backward pass.
    private func run(
        _ logits: Grid, _ targets: [Int32], gradients: Grid, on pool: ThreadPool
    ) -> (logps: Grid, gradients: Grid) {
        let (copy, normalizers, logps) = (logits.copy(), Grid(1, logits.rows), Grid(1, logits.rows))
        targets.withUnsafeBufferPointer {
            TokenLogps.forward(
                copy.matrix, targets: $0.baseAddress!, normalizers: normalizers.pointer, logps: logps.pointer, on: pool)
            TokenLogps.backward(
                copy.matrix, targets: $0.baseAddress!, normalizers: normalizers.pointer,
                gradients: gradients.pointer, on: pool)
        }
        return (logps, copy)
    }

    @Test("a token's logp is its log softmax, and the gradient its slope", arguments: shapes)
    func forwardAndBackward(rows: Int, width: Int) {
        var random = Random(1)
        let (logits, upstream) = (Grid(rows, width, &random, scale: 8), Grid(1, rows, &random))
        let targets = targets(rows, width)
        let (logps, gradients) = run(logits, targets, gradients: upstream, on: ThreadPool(count: 2))
        let expected = twin(logits.values, targets, width)
        for row in 0..<rows { #expect(abs(Double(logps[0, row]) - expected[row]) < 2e-6) }
        #expect(logps.fenceHolds && gradients.fenceHolds)
        let d = upstream.values
        if width > 1 {
            let off = deviation(ofGradient: gradients.floats, at: logits.values, sampling: 40) { x in
                inner(twin(x, targets, width), d)
            }
            #expect(off < 2e-5)
            let target = Int(targets[0])
            let slope = slopes(at: logits.values, places: [target]) { inner(twin($0, targets, width), d) }
            #expect(deviation([gradients[0, target]], from: slope) < 2e-5)
        } else {
            #expect(logps[0, 0] == 0 && abs(gradients[0, 0]) < 1e-7)
        }
    }

    @Test("logits far from zero lose nothing")
    func farLogits() {
        var random = Random(2)
        let (logits, upstream) = (Grid(2, 100, &random), Grid([1, 1]))
        for column in 0..<100 {
            logits[0, column] += 4096
            logits[1, column] -= 4096
        }
        let targets: [Int32] = [3, 99]
        let (logps, _) = run(logits, targets, gradients: upstream, on: ThreadPool(count: 1))
        #expect(deviation(logps, from: twin(logits.values, targets, 100)) < 1e-6)
    }

    @Test("token logps have the same bits on any number of threads")
    func threads() {
        var random = Random(3)
        let (logits, upstream) = (Grid(41, 1237, &random, scale: 8), Grid(1, 41, &random))
        expectSameBits("token logps") { pool in
            let (logps, gradients) = run(logits, targets(41, 1237), gradients: upstream, on: pool)
            return [logps, gradients]
        }
    }

    @Test("a NaN or +∞ at any place of a row makes its logp and its gradients NaN", arguments: nans + [0x7F80_0000])
    func notFinite(_ bits: UInt32) {
        let pool = ThreadPool(count: 1)
        for width in [1, 5, 8, 9, 27] {
            for place in 0..<width {
                var random = Random(4)
                let (logits, upstream) = (Grid(3, width, &random), Grid([1, -0.5, 2]))
                logits[1, place] = Float(bitPattern: bits)
                let (logps, gradients) = run(logits, [0, 0, 0], gradients: upstream, on: pool)
                #expect(logps[0, 1].isNaN)
                #expect((0..<width).allSatisfy { gradients[1, $0].isNaN })
                #expect(logps[0, 0].isFinite && logps[0, 2].isFinite)
            }
        }
    }

    @Test("a row of −∞ has no logp")
    func nothingPossible() {
        let logits = Grid([Float](repeating: -.infinity, count: 19))
        #expect(run(logits, [4], gradients: Grid([1]), on: ThreadPool(count: 1)).logps[0, 0].isNaN)
    }

    /// With normaliser 0 and gradient −1 the backward pass leaves eˣ in every column but the target's.
    @Test("the exponential is within 1.5 units in the last place over [−87, 88]")
    func exponential() {
        let count = 200_000
        let x = Grid(1, count + 8)
        for i in 0..<count { x[0, i] = -87 + 175 * Float(i) / Float(count - 1) }
        let y = x.copy()
        let (zero, minusOne) = (Grid([0]), Grid([-1]))
        let target = [Int32(count)]
        TokenLogps.backward(
            y.matrix, targets: target, normalizers: zero.pointer, gradients: minusOne.pointer, on: ThreadPool(count: 1))
        var worst = 0.0
        for i in 0..<count {
            let exact = exp(Double(x[0, i]))
            worst = max(worst, abs(Double(y[0, i]) - exact) / Double(Float(exact).ulp))
        }
        #expect(worst < 1.5)
    }

    @Test("outside, the exponential is clamped, and a NaN stays one")
    func exponentialOutside() {
        let pool = ThreadPool(count: 1)
        func exponential(_ value: Float) -> Float {
            let (y, zero, minusOne) = (Grid([Float](repeating: value, count: 16)), Grid([0]), Grid([-1]))
            TokenLogps.backward(
                y.matrix, targets: [15], normalizers: zero.pointer, gradients: minusOne.pointer, on: pool)
            return y[0, 3]
        }
        for low in [-88, -100, -1e30, -Float.infinity] {
            #expect(exponential(low) > 0 && exponential(low) < 1.2e-38)
        }
        for high in [88.5, 89, 1000, Float.infinity] {
            #expect(exponential(high) > 2.3e38 && exponential(high).isFinite)
        }
        for bits in nans { #expect(exponential(Float(bitPattern: bits)).isNaN) }
        #expect(exponential(0) == 1)
    }
}
