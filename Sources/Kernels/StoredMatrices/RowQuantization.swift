import CVector

/// Eight bits per weight with one float32 scale for each row (arXiv 2208.07339, without its outliers):
/// scale = max |x| / 127 over the row, x ≈ scale · q with q in −127…127.
package enum RowQuantization {
    /// Quantises a row of finite numbers.
    ///
    /// q is x · (1 / max |x| · 127) rounded to the nearest, halves to even, as bitsandbytes has it. A row of zeros has the
    /// scale 0.
    /// - Returns: the row's scale.
    package static func quantize(_ x: UnsafePointer<Float>, into codes: UnsafeMutablePointer<Int8>, count: Int) -> Float
    {
        let largest = largestMagnitude(x, count)
        guard largest > 0 else {
            codes.update(repeating: 0, count: count)
            return 0
        }
        // Infinite for a row of the very smallest numbers only.
        let inverse = min(1 / largest * 127, .greatestFiniteMagnitude)
        for i in 0..<count {
            codes[i] = Int8(max(-127, min(127, (x[i] * inverse).rounded(.toNearestOrEven))))
        }
        return largest / 127
    }
}

/// Stored rows of `RowQuantization`, at any addresses.
struct QuantizedRows {
    let codes: UnsafeRawPointer
    /// Float32.
    let scales: UnsafeRawPointer

    func widen(
        row: Int, columns: Range<Int>, rowLength: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let scale = scales.loadUnaligned(fromByteOffset: 4 * row, as: Float.self)
        let source = codes + row * rowLength + columns.lowerBound
        for i in groups(of: columns.count) { (prefopt_widen_int8(source + i) * scale).store(to: target + i) }
        for i in remainder(of: columns.count) {
            target[i] = Float(source.load(fromByteOffset: i, as: Int8.self)) * scale
        }
    }
}

/// max |xᵢ|; NaNs don't count.
func largestMagnitude(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = Vector.zero
    for i in groups(of: count) {
        lanes = unsafeBitCast(Vector(from: x + i).magnitudeBits, to: Vector.self).raised(to: lanes)
    }
    var largest = lanes.largest
    for i in remainder(of: count) { largest = max(largest, abs(x[i])) }
    return largest
}
