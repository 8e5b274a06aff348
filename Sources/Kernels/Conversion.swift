import CVector

/// Between float32 and the formats that weights are stored in. Sources and targets need not be aligned.
package enum Conversion {
    /// Exact.
    package static func fromFloat16(_ source: UnsafeRawPointer, into y: UnsafeMutablePointer<Float>, count: Int) {
        for i in groups(of: count) { prefopt_widen_float16(source + 2 * i).store(to: y + i) }
        for i in remainder(of: count) {
            y[i] = Float(Float16(bitPattern: source.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)))
        }
    }

    /// Exact: bfloat16 is the upper half of a float32.
    package static func fromBFloat16(_ source: UnsafeRawPointer, into y: UnsafeMutablePointer<Float>, count: Int) {
        for i in groups(of: count) { prefopt_widen_bfloat16(source + 2 * i).store(to: y + i) }
        for i in remainder(of: count) {
            y[i] = Float(bitPattern: UInt32(source.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)) << 16)
        }
    }

    /// Rounded to the nearest, ties to even; too large becomes infinite.
    package static func toFloat16(_ x: UnsafePointer<Float>, into target: UnsafeMutablePointer<UInt16>, count: Int) {
        for i in 0..<count { target[i] = Float16(x[i]).bitPattern }
    }

    /// Rounded to the nearest, ties to even; NaN stays NaN.
    package static func toBFloat16(_ x: UnsafePointer<Float>, into target: UnsafeMutablePointer<UInt16>, count: Int) {
        for i in 0..<count { target[i] = prefopt_round_bfloat16(x[i]) }
    }

    /// Whether every element is finite.
    package static func isFinite(_ x: UnsafePointer<Float>, count: Int) -> Bool {
        var lanes = Vector.zero
        var rest: Float = 0
        // 0 · x is 0 for every finite x and NaN for the others.
        for i in groups(of: count) {
            lanes = lanes.addingProduct(Vector(from: x + i), Vector.zero)
        }
        for i in remainder(of: count) {
            rest += x[i] * 0
        }
        return lanes.total + rest == 0
    }
}
