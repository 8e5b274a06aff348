import Foundation
import Kernels
import Testing

/// Gated and plain activations with every nonlinearity.
@Suite struct NonlinearityTests {
    private func twin(_ f: Nonlinearity, _ x: Double) -> Double {
        switch f {
        case .silu: x / (1 + exp(-x))
        case .gelu: x * erfc(-x / 2.0.squareRoot()) / 2
        case .geluTanh: x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) / 2
        case .relu: max(x, 0)
        }
    }

    private func gated(_ f: Nonlinearity, _ gateUp: [Double], _ width: Int) -> [Double] {
        stride(from: 0, to: gateUp.count, by: 2 * width).flatMap { start in
            (start..<start + width).map { twin(f, gateUp[$0]) * gateUp[$0 + width] }
        }
    }

    @Test("a gated activation and its slopes equal their definitions", arguments: Nonlinearity.allCases, [7, 8, 19])
    func gated(f: Nonlinearity, width: Int) {
        var random = Random(1)
        let (rows, pool) = (17, ThreadPool(count: 2))
        let gateUp = Grid(rows, 2 * width, &random, scale: 6)
        let (y, activation, dGateUp) = (Grid(rows, width), Grid(rows, width, gap: 1, &random), gateUp.copy())
        let upstream = activation.values
        GatedActivation.forward(gateUp.matrix, f, into: y.matrix, on: pool)
        GatedActivation.backward(gateUp: dGateUp.matrix, f, activation: activation.matrix, on: pool)
        #expect(deviation(y, from: gated(f, gateUp.values, width)) < 1e-6)
        #expect(deviation(activation, from: gated(f, gateUp.values, width)) < 1e-6)
        #expect(dGateUp.fenceHolds)
        let off = deviation(ofGradient: dGateUp.floats, at: gateUp.values, sampling: 200) { x in
            inner(gated(f, x, width), upstream)
        }
        #expect(off < 1e-5)
    }

    @Test("a plain activation and its slopes equal their definitions", arguments: Nonlinearity.allCases, [7, 8, 19])
    func plain(f: Nonlinearity, width: Int) {
        var random = Random(2)
        let (rows, pool) = (17, ThreadPool(count: 2))
        let hidden = Grid(rows, width, &random, scale: 6)
        let (y, activation, dHidden) = (Grid(rows, width), Grid(rows, width, gap: 1, &random), hidden.copy())
        let upstream = activation.values
        PlainActivation.forward(hidden.matrix, f, into: y.matrix, on: pool)
        PlainActivation.backward(hidden: dHidden.matrix, f, activation: activation.matrix, on: pool)
        #expect(deviation(y, from: hidden.values.map { twin(f, $0) }) < 1e-6)
        #expect(deviation(activation, from: hidden.values.map { twin(f, $0) }) < 1e-6)
        #expect(dHidden.fenceHolds)
        let off = deviation(ofGradient: dHidden.floats, at: hidden.values, sampling: 200) { x in
            inner(x.map { twin(f, $0) }, upstream)
        }
        #expect(off < 1e-5)
    }

    @Test("GELU is right far out on both sides", arguments: [Nonlinearity.gelu, .geluTanh])
    func tails(f: Nonlinearity) {
        let points: [Float] = [-40, -12, -8, -5, -3, -1, -0.25, -1e-4, 0, 1e-4, 0.25, 1, 3, 5, 8, 12, 40]
        let (hidden, y) = (Grid(points), Grid(1, points.count))
        PlainActivation.forward(hidden.matrix, f, into: y.matrix, on: ThreadPool(count: 1))
        for (place, point) in points.enumerated() {
            let expected = twin(f, Double(point))
            #expect(abs(Double(y[0, place]) - expected) <= 1e-6 * abs(expected) + 1e-9, "at \(point)")
        }
    }

    @Test("a NaN stays one", arguments: Nonlinearity.allCases)
    func notANumber(f: Nonlinearity) {
        for width in [1, 9] {
            let (hidden, y) = (Grid(1, width), Grid(1, width))
            hidden[0, width - 1] = .nan
            PlainActivation.forward(hidden.matrix, f, into: y.matrix, on: ThreadPool(count: 1))
            #expect(y[0, width - 1].isNaN)
        }
    }

    @Test("a plain activation has the same bits on any number of threads")
    func threads() {
        expectSameBits("plain activation") { pool in
            var random = Random(3)
            let (hidden, y, dy) = (Grid(101, 57, &random, scale: 6), Grid(101, 57), Grid(101, 57, &random))
            PlainActivation.forward(hidden.matrix, .gelu, into: y.matrix, on: pool)
            PlainActivation.backward(hidden: hidden.matrix, .gelu, activation: dy.matrix, on: pool)
            return [y, hidden, dy]
        }
    }
}
