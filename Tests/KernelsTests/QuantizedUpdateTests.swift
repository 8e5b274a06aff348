import Foundation
import Kernels
import Testing

/// Fixtures/quantized_updates.json, made with bitsandbytes by Fixtures/make_quantized_updates.py.
private struct BitsAndBytes: Decodable, Sendable {
    struct Settings: Decodable, Sendable { let rate, beta1, beta2, epsilon, decay: Double }
    struct State: Decodable, Sendable {
        let weights: [Float]
        let codes: [[Int]]
        let scales: [[Float]]
    }

    let maps: [String: [Double]]
    let settings: Settings
    let start: [Float]
    let gradients: [[Float]]
    let after: [State]

    static let fixture: Result<BitsAndBytes, any Error> = Result {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let bytes = try Data(contentsOf: folder.appendingPathComponent("Fixtures/quantized_updates.json"))
        return try JSONDecoder().decode(BitsAndBytes.self, from: bytes)
    }
}

/// The paper's numbers, one after another: decade i of 10⁻⁷…1 is cut into n equal parts, whose middles they are.
private func numbers(isSigned: Bool) -> [Double] {
    var numbers = [0, 1.0]
    for decade in 0..<7 {
        let n = 1 << (decade + (isSigned ? 0 : 1))
        for part in 0..<n {
            let number = (0.1 + 0.9 * (Double(part) + 0.5) / Double(n)) * pow(10, Double(decade - 6))
            numbers += isSigned ? [number, -number] : [number]
        }
    }
    return numbers.sorted()
}

/// A parameter vector with moments in eight bits. What lies after the arrays may not be touched.
private final class Moments {
    let codes: [UnsafeMutablePointer<UInt8>]
    let scales: [Grid]
    private let room: Int

    init(_ count: Int) {
        let blocks = (count + 255) / 256
        let room = 256 * blocks
        self.room = room
        codes = (0..<2).map { _ in
            let codes = UnsafeMutablePointer<UInt8>.allocate(capacity: room + 8)
            codes.initialize(repeating: 0, count: room)
            (codes + room).initialize(repeating: 0xA5, count: 8)
            return codes
        }
        scales = (0..<2).map { _ in Grid(1, blocks) }
    }

    deinit { for codes in codes { codes.deallocate() } }

    var vectors: [QuantizedVector] {
        zip(codes, scales).map { QuantizedVector(codes: $0, scales: $1.pointer) }
    }

    var fenceHolds: Bool {
        codes.allSatisfy { codes in (0..<8).allSatisfy { codes[room + $0] == 0xA5 } } && scales.allSatisfy(\.fenceHolds)
    }

    func values(_ moment: Int, count: Int) -> [Float] {
        let grid = Grid(1, count)
        vectors[moment].decode(into: grid.pointer, count: count, isSigned: moment == 0)
        return grid.floats
    }

    func update(
        _ values: Grid, _ gradients: Grid, factor: Float = 1, rate: Double = 1e-3, decay: Double = 0, step: Int,
        on pool: ThreadPool
    ) {
        Update.adamW8Bit(
            values.pointer, gradients: gradients.pointer, factor: factor, first: vectors[0], second: vectors[1],
            count: values.columns, rate: rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: decay, step: step,
            on: pool)
    }
}

@Suite struct QuantizedUpdateTests {
    @Test("the 256 numbers are the paper's, and bitsandbytes'", arguments: [true, false])
    func map(isSigned: Bool) throws {
        let expected = numbers(isSigned: isSigned)
        #expect(expected.count == 256)
        let moments = Moments(256)
        for code in 0..<256 { moments.codes[0][code] = UInt8(code) }
        moments.scales[0][0, 0] = 1
        let decoded = Grid(1, 256)
        moments.vectors[0].decode(into: decoded.pointer, count: 256, isSigned: isSigned)
        let theirs = try #require(try BitsAndBytes.fixture.get().maps[isSigned ? "signed" : "unsigned"])
        for code in 0..<256 {
            let value = Double(decoded[0, code])
            #expect(abs(value - expected[code]) <= 1e-6 * abs(expected[code]), "code \(code)")
            #expect(abs(value - theirs[code]) <= 1e-6 * abs(theirs[code]), "code \(code)")
        }
    }

    /// The state after an update with β₁ = 0.9 from nothing holds 0.1 g and 0.001 g², of which it keeps the nearest.
    @Test("every number is kept as one of the nearest of its block's numbers, and zero as zero")
    func nearest() {
        var random = Random(9)
        let count = 256 * 40
        var g = (0..<count).map { _ in random.float() * pow(10, 8 * (random.float() - 1) / 2) }
        for i in stride(from: 0, to: count, by: 64) { g[i] = 0 }
        let moments = Moments(count)
        moments.update(Grid(1, count), Grid(g), step: 1, on: ThreadPool(count: 1))
        let (first, second) = (moments.values(0, count: count), moments.values(1, count: count))
        let (signed, unsigned) = (numbers(isSigned: true), numbers(isSigned: false))
        for block in 0..<40 {
            let elements = 256 * block..<256 * block + 256
            let m = elements.map { Double(g[$0] * Float(1 - 0.9)) }
            let v = elements.map { Double((g[$0] * Float(1 - 0.999)) * g[$0]) }
            let (mScale, vScale) = (m.map(abs).max()!, v.max()!)
            for (place, i) in elements.enumerated() {
                let mDistance = signed.map { abs($0 * mScale - m[place]) }.min()!
                #expect(abs(Double(first[i]) - m[place]) <= mDistance + 1e-6 * abs(m[place]) + 1e-44, "m \(i)")
                #expect((second[i] == 0) == (v[place] == 0), "v \(i)")
                // Above zero the smallest number is the least that a second moment becomes.
                let vDistance = unsigned.dropFirst(v[place] > 0 ? 1 : 0).map { abs($0 * vScale - v[place]) }.min()!
                #expect(abs(Double(second[i]) - v[place]) <= vDistance + 1e-6 * v[place] + 1e-44, "v \(i)")
            }
            #expect(elements.allSatisfy { g[$0] != 0 || first[$0] == 0 })
        }
    }

    @Test("what is kept is kept: coding the decoded numbers changes nothing")
    func stable() {
        // With β₁ = β₂ = 1 − 0 and no gradient an update only decodes and codes.
        let moments = Moments(512)
        for code in 0..<512 {
            moments.codes[0][code] = UInt8(code % 256)
            // The byte of 0 is kept for 0.
            moments.codes[1][code] = UInt8(code % 256)
        }
        for block in 0..<2 { (moments.scales[0][0, block], moments.scales[1][0, block]) = (0.3, 7e-9) }
        let (values, gradients) = (Grid(1, 512), Grid(1, 512))
        Update.adamW8Bit(
            values.pointer, gradients: gradients.pointer, factor: 1, first: moments.vectors[0],
            second: moments.vectors[1], count: 512, rate: 0, beta1: 1, beta2: 1, epsilon: 1, decay: 0, step: 1,
            on: ThreadPool(count: 1))
        for code in 0..<512 {
            #expect(moments.codes[0][code] == UInt8(code % 256) && moments.codes[1][code] == UInt8(code % 256))
        }
        #expect(moments.scales[0].floats == [0.3, 0.3] && moments.scales[1].floats == [7e-9, 7e-9])
    }

    @Test("four updates are bitsandbytes': weights, bytes and scales")
    func theirs() throws {
        let fixture = try BitsAndBytes.fixture.get()
        let count = fixture.start.count
        let (values, moments) = (Grid(fixture.start), Moments(count))
        for (place, gradients) in fixture.gradients.enumerated() {
            moments.update(
                values, Grid(gradients), rate: fixture.settings.rate, decay: fixture.settings.decay, step: place + 1,
                on: ThreadPool(count: 2))
            let expected = fixture.after[place]
            for moment in 0..<2 {
                // A number in the very middle between two may fall to either side.
                let others = (0..<count).filter { Int(moments.codes[moment][$0]) != expected.codes[moment][$0] }
                #expect(others.count <= 2, "step \(place + 1), moment \(moment): \(others)")
                #expect(
                    others.allSatisfy {
                        abs(Int(moments.codes[moment][$0]) - expected.codes[moment][$0]) == 1
                    })
                for (scale, theirs) in zip(moments.scales[moment].floats, expected.scales[moment]) {
                    #expect(abs(scale - theirs) <= 1e-6 * theirs)
                }
            }
            for i in 0..<count {
                let change = abs(expected.weights[i] - fixture.start[i])
                #expect(
                    abs(values[0, i] - expected.weights[i]) <= 4e-6 * change + 2 * expected.weights[i].ulp,
                    "weight \(i)")
            }
        }
        #expect(moments.fenceHolds && values.fenceHolds)
    }

    @Test("a second moment far below its block's largest keeps a step from becoming huge")
    func small() {
        // One large gradient, then none: where m outlives v, m / √v would be m / ε.
        let (values, moments) = (Grid(1, 256), Moments(256))
        let g = (0..<256).map { i in pow(10, -Float(i) / 40) }
        let pool = ThreadPool(count: 1)
        moments.update(values, Grid(g), step: 1, on: pool)
        for step in 2...50 {
            let before = values.floats
            moments.update(values, Grid(1, 256), step: step, on: pool)
            for (a, b) in zip(before, values.floats) { #expect(abs(a - b) < 4e-3) }
        }
    }

    @Test("eight-bit updates have the same bits on any number of threads and cut anywhere between blocks")
    func bits() {
        let count = 256 * 300 + 77
        func run(_ pool: ThreadPool, _ cut: Int) -> [Grid] {
            var random = Random(5)
            let (values, moments) = (Grid(random.floats(count)), Moments(count))
            for step in 1...3 {
                let gradients = Grid(random.floats(count))
                for range in [0..<256 * cut, 256 * cut..<count] {
                    Update.adamW8Bit(
                        values.pointer + range.lowerBound, gradients: gradients.pointer + range.lowerBound, factor: 0.5,
                        first: moments.vectors[0].advanced(byBlocks: range.lowerBound / 256),
                        second: moments.vectors[1].advanced(byBlocks: range.lowerBound / 256), count: range.count,
                        rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.1, step: step, on: pool)
                }
                #expect(gradients.floats.allSatisfy { $0 == 0 })
            }
            #expect(moments.fenceHolds)
            let codes = moments.codes.map { codes in Grid((0..<count).map { Float(codes[$0]) }) }
            return [values] + moments.scales + codes
        }
        expectSameBits("adamW8Bit") { run($0, 0) }
        let whole = run(ThreadPool(count: 1), 0).map(\.bits)
        for cut in [1, 17, 300] { #expect(run(ThreadPool(count: 2), cut).map(\.bits) == whole) }
    }
}
