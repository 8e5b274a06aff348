/// The upper half of a float32, rounded to nearest, ties to even: half of the bytes, 8 bits of precision. Infinities stay,
/// and what isn't a number stays so.
enum BFloat16: WireEncoding {
    static var isVerbatim: Bool { false }

    static func encode(_ x: UnsafePointer<Float>, into encoded: UnsafeMutablePointer<UInt16>, count: Int) {
        for i in 0..<count { encoded[i] = rounded(x[i].bitPattern) }
    }

    static func decode(_ encoded: UnsafePointer<UInt16>, into x: UnsafeMutablePointer<Float>, count: Int) {
        for i in 0..<count { x[i] = Float(bitPattern: UInt32(encoded[i]) << 16) }
    }

    static func add(_ encoded: UnsafePointer<UInt16>, to x: UnsafeMutablePointer<Float>, count: Int) {
        for i in 0..<count { x[i] += Float(bitPattern: UInt32(encoded[i]) << 16) }
    }

    static func round(_ x: UnsafeMutablePointer<Float>, count: Int) {
        for i in 0..<count { x[i] = Float(bitPattern: UInt32(rounded(x[i].bitPattern)) << 16) }
    }

    @inline(__always)
    private static func rounded(_ bits: UInt32) -> UInt16 {
        let nearest = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
        let isNumber = bits & 0x7FFF_FFFF <= 0x7F80_0000
        return isNumber ? nearest : UInt16(truncatingIfNeeded: bits >> 16) | 0x40
    }
}
