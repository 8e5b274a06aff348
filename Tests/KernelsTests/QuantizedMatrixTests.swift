import Kernels
import Testing

/// Bytes at an odd address that live as long as this.
final class OddBytes: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    private let room: UnsafeMutableRawPointer

    init(_ bytes: [UInt8]) {
        room = .allocate(byteCount: bytes.count + 1, alignment: 64)
        base = room + 1
        bytes.withUnsafeBytes { if let source = $0.baseAddress { base.copyMemory(from: source, byteCount: $0.count) } }
    }

    convenience init(_ floats: [Float]) { self.init(floats.withUnsafeBytes { Array($0) }) }

    convenience init(_ words: [UInt32]) { self.init(words.withUnsafeBytes { Array($0) }) }

    deinit { room.deallocate() }
}

@Suite struct QuantizedMatrixTests {
    static let levels: [Float] = [
        -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
        -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
        0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
    ]

    private func expectSame(_ what: String, _ stored: StoredMatrix, _ twin: Grid) {
        let (n, k) = (twin.rows, twin.columns)
        expectSameBlock(what, stored, twin, rows: 0..<n, columns: 0..<k)
        expectSameBlock(what, stored, twin, rows: n / 3..<n / 3 + 1, columns: k / 3..<k)
        expectSameBlock(what, stored, twin, rows: n / 4..<n - n / 5, columns: 1..<k - k / 3)
        for t in [5, n + 30] { expectSameProducts(what, stored, twin, rows: t) }
        let range = n / 4..<n - n / 5
        expectSameProducts("\(what) rows", stored.rows(range), Grid(rows: range, of: twin), rows: 9)
    }

    @Test("rows of eight bits are their codes times their scale", arguments: [(1, 3), (37, 101), (200, 340)])
    func int8(_ n: Int, _ k: Int) {
        var random = Random(1)
        let twin = Grid(n, k, gap: 0)
        var codes: [UInt8] = []
        let scales = (0..<n).map { _ in random.float() * 0.1 }
        for row in 0..<n {
            for column in 0..<k {
                let code = Int8(random.index(below: 255) - 127)
                codes.append(UInt8(bitPattern: code))
                twin[row, column] = Float(code) * scales[row]
            }
        }
        let (bytes, factors) = (OddBytes(codes), OddBytes(scales))
        defer { withExtendedLifetime((bytes, factors)) {} }
        expectSame("int8", .int8(bytes.base, scales: factors.base, rows: n, columns: k), twin)
    }

    @Test("a row is quantised to the nearest of 255 multiples of its largest magnitude / 127")
    func rowQuantization() {
        var random = Random(2)
        for scale in [Float(1), 3e-20, 1e30, 0] {
            let x = random.floats(77).map { $0 * scale }
            var codes = [Int8](repeating: 1, count: 78)
            let step = RowQuantization.quantize(x, into: &codes, count: 77)
            let largest = x.reduce(Float(0)) { max($0, abs($1)) }
            #expect(step == largest / 127)
            #expect(codes[77] == 1)
            for (value, code) in zip(x, codes) { #expect(abs(value - Float(code) * step) <= 0.5001 * step) }
        }
        var codes = [Int8](repeating: 0, count: 5)
        let scale = RowQuantization.quantize([127, 0.5, 1.5, -2.5, -127], into: &codes, count: 5)
        #expect(scale == 1 && codes == [127, 0, 2, -2, -127])
    }

    @Test("blocks of four bits are levels times doubly quantised scales", arguments: [(1, 3), (37, 101), (150, 320)])
    func normalFloat(_ n: Int, _ k: Int) {
        var random = Random(3)
        let x = (0..<n * k).map { _ in random.float() * random.float() }
        let blocks = (n * k + 63) / 64
        var (codes, scales) = ([UInt8](repeating: 0, count: (n * k + 1) / 2), [Float](repeating: 0, count: blocks))
        NormalFloat.quantize(x, count: n * k, into: &codes, scales: &scales)
        let exact = scales
        for (i, value) in x.enumerated() {
            let code = Int(i % 2 == 0 ? codes[i / 2] >> 4 : codes[i / 2] & 15)
            let ratio = value / exact[i / 64]
            let nearest = Self.levels.map { abs($0 - ratio) }.min()!
            #expect(abs(Self.levels[code] - ratio) <= nearest + 1e-6)
        }
        var scaleCodes = [UInt8](repeating: 0, count: blocks)
        var outer = [Float](repeating: 0, count: (blocks + 255) / 256)
        let mean = NormalFloat.quantizeScales(&scales, count: blocks, into: &scaleCodes, outerScales: &outer)
        // The coarsest step between two numbers of ±1 is 0.9 / 64.
        for block in 0..<blocks { #expect(abs(scales[block] + mean - exact[block]) <= 1e-6) }

        let parts = (OddBytes(codes), OddBytes(scaleCodes), OddBytes(outer))
        defer { withExtendedLifetime(parts) {} }
        let stored = StoredMatrix.normalFloat(
            parts.0.base, scaleCodes: parts.1.base, outerScales: parts.2.base, scaleMean: mean, rows: n, columns: k)
        let numbers = Self.scaleNumbers
        let twin = Grid(n, k, gap: 0)
        for i in 0..<n * k {
            let scale = numbers[Int(scaleCodes[i / 64])] * outer[i / 64 / 256] + mean
            #expect(abs(scale - exact[i / 64]) <= 0.0072 * outer[i / 64 / 256] + 1e-6)
            let code = Int(i % 2 == 0 ? codes[i / 2] >> 4 : codes[i / 2] & 15)
            twin[i / k, i % k] = Self.levels[code] * scale
        }
        expectSame("NF4", stored, twin)
    }

    /// 0, 1, and in decade i the middles of 2ⁱ parts.
    static let scaleNumbers: [Float] = {
        var positive: [Double] = []
        for (i, power) in [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1].enumerated() {
            let n = 1 << i
            for part in 0..<n {
                let middle: Double = 0.1 + 0.9 * Double(2 * part + 1) / Double(2 * n)
                positive.append(power * middle)
            }
        }
        let numbers: [Double] = positive.reversed().map { -$0 } + [0] + positive + [1]
        return numbers.map { Float($0) }
    }()

    struct Case: Sendable, CustomTestStringConvertible {
        var bits: Int
        var group: Int
        var shuffled = false
        var first = true
        var scales = GroupedIntegers.ScaleType.float16
        var testDescription: String { "\(bits) bits, groups of \(group)\(shuffled ? ", in any order" : "")" }
    }

    @Test(
        "grouped integers are scale times number less zero",
        arguments: [
            Case(bits: 4, group: 32), Case(bits: 8, group: 32), Case(bits: 4, group: 64, shuffled: true),
            Case(bits: 8, group: 64, shuffled: true), Case(bits: 4, group: 320, first: false),
            Case(bits: 8, group: 320, first: false), Case(bits: 4, group: 32, scales: .bfloat16),
            Case(bits: 4, group: 32, scales: .float32),
        ])
    func grouped(_ c: Case) {
        var random = Random(4)
        let (n, k) = (168, 320)
        let (perWord, largest, groups) = (32 / c.bits, 1 << c.bits, k / c.group)
        var groupOf = (0..<k).map { UInt32($0 / c.group) }
        if c.shuffled { groupOf.shuffle(using: &random) }
        var numbers = [UInt32](repeating: 0, count: k / perWord * n)
        var zeros = [UInt32](repeating: 0, count: groups * n / perWord)
        var scaleBytes: [UInt8] = []
        var (zero, scale) = ([Int](), [Float]())
        for group in 0..<groups {
            for row in 0..<n {
                let stored = random.index(below: largest)
                zeros[(group * n + row) / perWord] |= UInt32(stored) << UInt32((row % perWord) * c.bits)
                zero.append(c.first ? (stored + 1) % largest : stored)
                let value = random.float() * 0.05
                switch c.scales {
                case .float16:
                    scale.append(Float(Float16(value)))
                    withUnsafeBytes(of: Float16(value).bitPattern) { scaleBytes += $0 }
                case .bfloat16:
                    scale.append(Float(bitPattern: value.bitPattern & 0xFFFF_0000))
                    withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { scaleBytes += $0 }
                case .float32:
                    scale.append(value)
                    withUnsafeBytes(of: value) { scaleBytes += $0 }
                }
            }
        }
        let twin = Grid(n, k, gap: 0)
        for column in 0..<k {
            for row in 0..<n {
                let number = random.index(below: largest)
                numbers[column / perWord * n + row] |= UInt32(number) << UInt32((column % perWord) * c.bits)
                let place = Int(groupOf[column]) * n + row
                twin[row, column] = Float(number - zero[place]) * scale[place]
            }
        }
        let parts = [OddBytes(numbers), OddBytes(zeros), OddBytes(scaleBytes), OddBytes(groupOf)]
        defer { withExtendedLifetime(parts) {} }
        let stored = StoredMatrix.grouped(
            GroupedIntegers(
                numbers: parts[0].base, zeros: parts[1].base, scales: parts[2].base, scaleType: c.scales,
                groups: c.shuffled ? UnsafeRawPointer(parts[3].base) : nil, groupSize: c.group, bits: c.bits,
                zerosAreOneLess: c.first), rows: n, columns: k)
        expectSame("GPTQ", stored, twin)
        expectSameProducts("rows", stored.rows(3..<40), Grid(rows: 3..<40, of: twin), rows: 21)
    }
}
