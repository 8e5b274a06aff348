import CVector

/// The upper half of a float32, rounded to nearest, ties to even: half of the bytes, 8 bits of precision. Infinities stay,
/// and what isn't a number stays so.
package enum BFloat16: WireEncoding {
    package static var isVerbatim: Bool { false }

    package static func encode(_ x: UnsafePointer<Float>, into encoded: UnsafeMutablePointer<UInt16>, count: Int) {
        for i in 0..<count { encoded[i] = prefopt_round_bfloat16(x[i]) }
    }

    package static func decode(_ encoded: UnsafePointer<UInt16>, into x: UnsafeMutablePointer<Float>, count: Int) {
        for i in 0..<count { x[i] = widened(encoded[i]) }
    }

    package static func add(_ encoded: UnsafePointer<UInt16>, to x: UnsafeMutablePointer<Float>, count: Int) {
        for i in 0..<count { x[i] += widened(encoded[i]) }
    }

    package static func round(_ x: UnsafeMutablePointer<Float>, count: Int) {
        for i in 0..<count { x[i] = widened(prefopt_round_bfloat16(x[i])) }
    }

    @inline(__always)
    private static func widened(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
}
