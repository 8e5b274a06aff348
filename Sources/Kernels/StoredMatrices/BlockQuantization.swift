/// Q8_0, llama.cpp's format of eight bits per weight: blocks of 32 elements, each a float16 scale d = max |x| / 127 and 32
/// signed bytes, x ≈ d · q.
package enum BlockQuantization {
    package static let blockElements = 32
    package static let blockBytes = 34

    /// - Parameters:
    ///   - count: a multiple of 32.
    ///   - target: `count / 32 · 34` bytes.
    package static func toQ8(_ x: UnsafePointer<Float>, into target: UnsafeMutableRawPointer, count: Int) {
        for block in 0..<count / blockElements {
            let source = x + block * blockElements
            let output = target + block * blockBytes
            var largest: Float = 0
            for i in 0..<blockElements { largest = max(largest, abs(source[i])) }
            let scale = largest / 127
            let inverse = scale == 0 ? 0 : 1 / scale
            output.storeBytes(of: Float16(scale).bitPattern, as: UInt16.self)
            for i in 0..<blockElements {
                // Halves away from zero, as the format's own tools round.
                let rounded = (source[i] * inverse).rounded(.toNearestOrAwayFromZero)
                output.storeBytes(of: Int8(max(-127, min(127, rounded))), toByteOffset: 2 + i, as: Int8.self)
            }
        }
    }
}
