import Foundation
import Kernels
import Testing

@Suite struct GatedActivationTests {
    static let shapes = [(1, 1), (3, 7), (17, 8), (33, 9), (5, 100)]

    /// a = g / (1 + e⁻ᵍ) · u
    private func twin(_ gateUp: [Double], _ width: Int) -> [Double] {
        stride(from: 0, to: gateUp.count, by: 2 * width).flatMap { start in
            (start..<start + width).map { gateUp[$0] / (1 + exp(-gateUp[$0])) * gateUp[$0 + width] }
        }
    }

    @Test("the gated activation equals its definition", arguments: shapes)
    func forward(rows: Int, width: Int) {
        var random = Random(1)
        let (gateUp, activation) = (Grid(rows, 2 * width, &random, scale: 6), Grid(rows, width, gap: 1))
        GatedActivation.forward(gateUp.matrix, .silu, into: activation.matrix, on: ThreadPool(count: 2))
        #expect(deviation(activation, from: twin(gateUp.values, width)) < 1e-6)
    }

    @Test("its backward leaves the slopes in gateUp and the activation once more", arguments: shapes)
    func backward(rows: Int, width: Int) {
        var random = Random(2)
        let gateUp = Grid(rows, 2 * width, &random, scale: 6)
        let (activation, dGateUp) = (Grid(rows, width, gap: 1, &random), gateUp.copy())
        let upstream = activation.values
        GatedActivation.backward(gateUp: dGateUp.matrix, .silu, activation: activation.matrix, on: ThreadPool(count: 2))
        #expect(deviation(activation, from: twin(gateUp.values, width)) < 1e-6)
        #expect(dGateUp.fenceHolds)
        let off = deviation(ofGradient: dGateUp.floats, at: gateUp.values, sampling: 200) { x in
            inner(twin(x, width), upstream)
        }
        #expect(off < 1e-5)
    }

    @Test("the gated activation has the same bits on any number of threads")
    func threads() {
        expectSameBits("gated activation") { pool in
            var random = Random(3)
            let (gateUp, activation) = (Grid(101, 2 * 57, &random, scale: 6), Grid(101, 57))
            GatedActivation.forward(gateUp.matrix, .silu, into: activation.matrix, on: pool)
            let dActivation = Grid(101, 57, &random)
            GatedActivation.backward(gateUp: gateUp.matrix, .silu, activation: dActivation.matrix, on: pool)
            return [activation, gateUp, dActivation]
        }
    }

    @Test("far gates switch off or pass, without NaNs")
    func farGates() {
        let gateUp = Grid(1, 40)
        for (i, gate) in [-1e30, -1000, -89, -88.5, -88, 88, 88.5, 89, 1000, 1e30].enumerated() {
            for copy in 0..<2 {
                gateUp[0, i + 10 * copy] = Float(gate)
                gateUp[0, i + 10 * copy + 20] = 1
            }
        }
        let activation = Grid(1, 20)
        GatedActivation.forward(gateUp.matrix, .silu, into: activation.matrix, on: ThreadPool(count: 1))
        for i in 0..<20 {
            let gate = gateUp[0, i]
            if gate > 0 {
                #expect(activation[0, i] == gate)
            } else if gate > -100 {
                #expect(abs(activation[0, i]) < 1e-35)
            }
            #expect(activation[0, i].isFinite)
        }
    }

    @Test("a NaN in the gate, the other half or the upstream stays a NaN, whatever its bits", arguments: nans)
    func notFinite(_ bits: UInt32) {
        let (bad, pool) = (Float(bitPattern: bits), ThreadPool(count: 1))
        for width in [1, 7, 8, 19] {
            for place in 0..<2 * width {
                var random = Random(4)
                let (gateUp, activation) = (Grid(1, 2 * width, &random), Grid(1, width))
                gateUp[0, place] = bad
                GatedActivation.forward(gateUp.matrix, .silu, into: activation.matrix, on: pool)
                #expect(activation[0, place % width].isNaN)
                let upstream = Grid(1, width, &random)
                GatedActivation.backward(gateUp: gateUp.matrix, .silu, activation: upstream.matrix, on: pool)
                #expect(upstream[0, place % width].isNaN && gateUp[0, place % width].isNaN)
            }
        }
    }
}

/// NaNs of several payloads and both signs: the usual one, one of all ones, a signalling one, small payloads.
let nans: [UInt32] = [0x7FC0_0000, 0xFFC0_0000, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7F80_0001, 0x7FC0_0080, 0xFFC0_0101]
