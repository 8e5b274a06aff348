import Foundation
import Kernels
import Testing

@Suite struct SoftCapTests {
    @Test("capped logits equal cap · tanh(x / cap)", arguments: [1, 7, 8, 45], [0.5, 30] as [Float])
    func forward(width: Int, cap: Float) {
        var random = Random(1)
        let x = Grid(5, width, &random, scale: 40)
        // Near zero too, where differences of exponentials would cancel.
        x[0, 0] = 1e-4
        let y = x.copy()
        SoftCap.forward(y.matrix, cap: cap, on: ThreadPool(count: 2))
        #expect(deviation(y, from: x.values.map { Double(cap) * tanh($0 / Double(cap)) }) < 1e-6)
        #expect(abs(Double(y[0, 0]) / 1e-4 - 1) < 1e-6)
    }

    @Test("the derivative of logps goes through the cap", arguments: [3, 8, 45])
    func backward(width: Int) {
        var random = Random(2)
        let (rows, cap) = (4, Float(3))
        let (x, pool) = (Grid(rows, width, &random, scale: 6), ThreadPool(count: 2))
        let targets = (0..<rows).map { Int32($0 * 7 % width) }
        let upstream = random.floats(rows)
        let (logits, normalizers, logps) = (x.copy(), Grid(1, rows), Grid(1, rows))
        SoftCap.forward(logits.matrix, cap: cap, on: pool)
        TokenLogps.forward(
            logits.matrix, targets: targets, normalizers: normalizers.pointer, logps: logps.pointer, on: pool)
        TokenLogps.backward(
            logits.matrix, cap: cap, targets: targets, normalizers: normalizers.pointer, gradients: upstream, on: pool)
        #expect(logits.fenceHolds)
        func loss(_ x: [Double]) -> Double {
            (0..<rows).reduce(0.0) { sum, row in
                let capped = (0..<width).map { Double(cap) * tanh(x[row * width + $0] / Double(cap)) }
                let normalizer = log(capped.reduce(0) { $0 + exp($1) })
                return sum + Double(upstream[row]) * (capped[Int(targets[row])] - normalizer)
            }
        }
        #expect(deviation(ofGradient: logits.floats, at: x.values, from: loss) < 1e-5)
    }
}
