import Foundation
import Kernels
import Testing

@Suite struct ConversionTests {
    private let patterns = (0...UInt16.max).map { $0 }

    /// Through unaligned memory, as a safetensors file may have it.
    private func widened(
        _ patterns: [UInt16], _ convert: (UnsafeRawPointer, UnsafeMutablePointer<Float>, Int) -> Void
    ) -> [Float] {
        let source = UnsafeMutableRawPointer.allocate(byteCount: 2 * patterns.count + 1, alignment: 16)
        defer { source.deallocate() }
        patterns.withUnsafeBytes { (source + 1).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        let target = Grid(1, patterns.count)
        convert(source + 1, target.pointer, patterns.count)
        #expect(target.fenceHolds)
        return target.floats
    }

    private func fromFloat16(_ patterns: [UInt16]) -> [Float] {
        widened(patterns, Conversion.fromFloat16(_:into:count:))
    }
    private func fromBFloat16(_ patterns: [UInt16]) -> [Float] {
        widened(patterns, Conversion.fromBFloat16(_:into:count:))
    }

    private func toFloat16(_ x: [Float]) -> [UInt16] {
        var y = [UInt16](repeating: 0, count: x.count)
        Conversion.toFloat16(x, into: &y, count: x.count)
        return y
    }

    private func toBFloat16(_ x: [Float]) -> [UInt16] {
        var y = [UInt16](repeating: 0, count: x.count)
        Conversion.toBFloat16(x, into: &y, count: x.count)
        return y
    }

    @Test("all 65536 float16 patterns mean what IEEE 754 says")
    func float16() {
        for (pattern, value) in zip(patterns, fromFloat16(patterns)) {
            let (exponent, fraction) = (Int(pattern >> 10 & 31), Double(pattern & 1023))
            let sign: Double = pattern >> 15 == 0 ? 1 : -1
            switch exponent {
            case 31 where fraction != 0: #expect(value.isNaN)
            case 31: #expect(Double(value) == sign * .infinity)
            case 0: #expect(Double(value) == sign * fraction * 0x1p-24 && (value.sign == .minus) == (sign < 0))
            default: #expect(Double(value) == sign * (1024 + fraction) * exp2(Double(exponent - 25)))
            }
        }
    }

    @Test("all 65536 bfloat16 patterns are the upper half of a float32")
    func bfloat16() {
        for (pattern, value) in zip(patterns, fromBFloat16(patterns)) {
            #expect(value.bitPattern == UInt32(pattern) << 16)
        }
    }

    @Test("every 16-bit number comes back from float32 unchanged, and NaN as a NaN")
    func roundTrip() {
        let halves = fromFloat16(patterns)
        for (pattern, (value, back)) in zip(patterns, zip(halves, toFloat16(halves))) {
            #expect(value.isNaN ? back & 0x7FFF > 0x7C00 : back == pattern)
        }
        let brains = fromBFloat16(patterns)
        for (pattern, (value, back)) in zip(patterns, zip(brains, toBFloat16(brains))) {
            #expect(value.isNaN ? back & 0x7FFF > 0x7F80 : back == pattern)
        }
    }

    @Test(
        "halfway between two neighbours goes to the even one, and a hair beside it to the nearer",
        arguments: [UInt16(0x7C00), 0x7F80])
    func ties(infinity: UInt16) {
        let isHalf = infinity == 0x7C00
        let narrow = isHalf ? toFloat16 : toBFloat16
        let finite = (0..<infinity).map { $0 }
        let values = (isHalf ? fromFloat16 : fromBFloat16)(finite)
        // One step past the largest number stands where the next power of two would be.
        let beyond: Double = isHalf ? 65536 : 0x1p128
        let middles = values.indices.map { i in
            Float((Double(values[i]) + (i + 1 < values.count ? Double(values[i + 1]) : beyond)) / 2)
        }
        let even = finite.map { $0 + ($0 & 1) }
        #expect(narrow(middles) == even)
        #expect(narrow(middles.map(\.nextDown)) == finite)
        #expect(narrow(middles.map(\.nextUp)) == finite.map { $0 + 1 })
        #expect(narrow(middles.map(-)) == even.map { $0 | 0x8000 })
        #expect(
            narrow([.infinity, -.infinity, .greatestFiniteMagnitude, -0.0])
                == [infinity, infinity | 0x8000, infinity, 0x8000])
    }

    @Test("NaNs of any payload narrow to NaNs", arguments: nans)
    func notNumbers(_ bits: UInt32) {
        for place in 0..<10 {
            var values = [Float](repeating: 1, count: 10)
            values[place] = Float(bitPattern: bits)
            for i in 0..<10 {
                #expect((toFloat16(values)[i] & 0x7FFF > 0x7C00) == (i == place))
                #expect((toBFloat16(values)[i] & 0x7FFF > 0x7F80) == (i == place))
            }
        }
    }

    @Test("odd counts convert every element", arguments: [0, 1, 7, 8, 9, 17, 100])
    func counts(_ count: Int) {
        var random = Random(1)
        let x = random.floats(count)
        #expect(toFloat16(x) == x.map { Float16($0).bitPattern })
        #expect(fromFloat16(toFloat16(x)) == x.map { Float(Float16($0)) })
        #expect(fromBFloat16(toBFloat16(x)).allSatisfy { $0.bitPattern & 0xFFFF == 0 })
    }

    @Test("isFinite finds a NaN or an infinity at any place", arguments: nans + [0x7F80_0000, 0xFF80_0000])
    func isFinite(_ bits: UInt32) {
        for count in [1, 7, 8, 9, 17, 100] {
            for place in 0..<count {
                var values = [Float](repeating: .greatestFiniteMagnitude, count: count)
                #expect(Conversion.isFinite(values, count: count))
                values[place] = Float(bitPattern: bits)
                #expect(!Conversion.isFinite(values, count: count))
            }
        }
    }
}
