import Foundation
import Kernels
import Testing

@Suite struct AttentionTests {
    /// k or v out of the packed [k | v] rows.
    private func half(_ packed: [Double], _ place: Int, of this: AttentionCase) -> [Double] {
        let side = this.keyHeads * this.width
        return stride(from: place * side, to: packed.count, by: 2 * side).flatMap { packed[$0..<$0 + side] }
    }

    @Test("attention equals a softmax written out row by row", arguments: AttentionCase.all)
    func forward(_ this: AttentionCase) {
        let inputs = this.inputs(seed: 1)
        let result = this.run(inputs, on: ThreadPool(count: 2))
        let packed = inputs.keyValue.values
        let expected = this.twin(inputs.q.values, half(packed, 0, of: this), half(packed, 1, of: this))
        #expect(deviation(result.o, from: expected) < 2e-6)
        #expect(result.normalizers.fenceHolds)
    }

    @Test("attention backward is the slope of its forward, and adds to dk and dv", arguments: AttentionCase.all)
    func backward(_ this: AttentionCase) {
        let inputs = this.inputs(seed: 2)
        var random = Random(3)
        let start = Grid(this.keyRows, 2 * this.keyHeads * this.width, gap: 1, &random)
        let result = this.run(inputs, start: start, on: ThreadPool(count: 2))
        let (q, packed, upstream) = (inputs.q.values, inputs.keyValue.values, inputs.dO.values)
        let (k, v) = (half(packed, 0, of: this), half(packed, 1, of: this))
        #expect(result.dq.fenceHolds && result.dkv.fenceHolds)
        let dq = result.dq.floats
        let dkv = zip(result.dkv.floats, start.floats).map { $0 - $1 }
        func lossOfQuery(_ x: [Double]) -> Double { inner(this.twin(x, k, v), upstream) }
        func lossOfKeyValue(_ x: [Double]) -> Double {
            inner(this.twin(q, half(x, 0, of: this), half(x, 1, of: this)), upstream)
        }
        if this.queryRows > 1 { #expect(deviation(ofGradient: dq, uphillFrom: q, lossOfQuery) < 1e-5) }
        #expect(deviation(ofGradient: dkv, uphillFrom: packed, lossOfKeyValue) < 1e-5)
        if this.keyRows < 100 {
            // A lone row's share is 1 whatever its query: a zero, which has no largest magnitude to compare with.
            if this.queryRows > 1 { #expect(deviation(ofGradient: dq, at: q, sampling: 60, from: lossOfQuery) < 2e-5) }
            #expect(deviation(ofGradient: dkv, at: packed, sampling: 120, from: lossOfKeyValue) < 2e-5)
        }
    }

    @Test("attention has the same bits on any number of threads", arguments: AttentionCase.all)
    func threads(_ this: AttentionCase) {
        let inputs = this.inputs(seed: 4)
        expectSameBits(this.testDescription) { pool in
            let result = this.run(inputs, on: pool)
            return [result.o, result.normalizers, result.dq, result.dkv]
        }
    }

    @Test("a shared prompt gives what each response gives alone")
    func sharedPrompt() {
        let this = AttentionCase.all[2]
        let inputs = this.inputs(seed: 5)
        let shared = this.run(inputs, on: ThreadPool(count: 1)).o
        // The second response (rows 15..<32) behind its own copy of the prompt (rows 0..<7).
        let rows = Array(0..<7) + Array(15..<32)
        let alone = AttentionCase(
            testDescription: "alone", heads: 4, keyHeads: 2,
            spans: [.init(queries: 0..<24, prefix: 0..<0, own: 0..<24)], groups: [0..<1])
        let own = alone.inputs(seed: 6)
        for (place, row) in rows.enumerated() {
            for column in 0..<own.q.columns { own.q[place, column] = inputs.q[row, column] }
            for column in 0..<own.keyValue.columns { own.keyValue[place, column] = inputs.keyValue[row, column] }
        }
        let o = alone.run(own, on: ThreadPool(count: 1)).o
        let expected = rows.flatMap { row in (0..<o.columns).map { Double(shared[row, $0]) } }
        #expect(deviation(o, from: expected) < 1e-6)
    }

    @Test("scores far from zero neither overflow nor vanish")
    func farScores() {
        let this = AttentionCase.all[1]
        let inputs = this.inputs(seed: 7, scale: 40)
        let result = this.run(inputs, on: ThreadPool(count: 1))
        let packed = inputs.keyValue.values
        let expected = this.twin(inputs.q.values, half(packed, 0, of: this), half(packed, 1, of: this))
        #expect(deviation(result.o, from: expected) < 1e-4)
    }

    @Test("a NaN in a query, a key or a value reaches every row that sees it", arguments: nans + [0x7F80_0000])
    func notFinite(_ bits: UInt32) {
        let this = AttentionCase.all[2]
        let (bad, pool) = (Float(bitPattern: bits), ThreadPool(count: 1))
        let side = this.keyHeads * this.width
        // Key row 2 belongs to the prompt of rows 0 ... 32; row 9 to the first response, rows 7 ... 14.
        for (key, seeing, apart) in [(2, 2..<33, 33..<42), (9, 9..<15, 15..<42)] {
            for column in [0, side - 1, side, 2 * side - 1] {
                // An infinite key is an infinitely low score for half of the queries, which is a number.
                guard bad.isNaN || column >= side else { continue }
                let inputs = this.inputs(seed: 8)
                inputs.keyValue[key, column] = bad
                let o = this.run(inputs, on: pool).o
                for row in seeing { #expect((0..<o.columns).contains { !o[row, $0].isFinite }) }
                for row in apart { #expect((0..<o.columns).allSatisfy { o[row, $0].isFinite }) }
            }
        }
        let inputs = this.inputs(seed: 8)
        inputs.q[17, 3] = bad
        let result = this.run(inputs, on: pool)
        #expect((0..<this.width).allSatisfy { result.o[17, $0].isNaN && result.dq[17, $0].isNaN })
    }
}
