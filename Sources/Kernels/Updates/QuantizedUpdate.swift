extension Update {
    private static let blocksPerItem = 128

    /// AdamW with both moments in eight bits: blocks of 256 parameters are decoded, updated as by `adamW` and coded again.
    /// The parameters themselves see the moments before they are rounded.
    ///
    /// - Parameters:
    ///   - first: from the block of the first parameter on.
    ///   - second: from the block of the first parameter on.
    ///   - count: whole blocks, but for the last of a vector.
    package static func adamW8Bit(
        _ values: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>, factor: Float,
        first: QuantizedVector, second: QuantizedVector, count: Int,
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, decay: Double, step: Int, on pool: ThreadPool
    ) {
        let rule = AdamWStep(rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, decay: decay, step: step)
        let length = QuantizedVector.block
        let (firstMap, secondMap) = (DynamicMap.signed, DynamicMap.unsigned)
        pool.chunks(of: (count + length - 1) / length, size: blocksPerItem) { blocks in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * length) { scratch in
                let moments = scratch.baseAddress!
                let squares = moments + length
                for block in blocks {
                    let start = block * length
                    let end = min(count, start + length)
                    let (firstScale, secondScale) = (first.scales[block], second.scales[block])
                    var (firstPeak, secondPeak) = (Vector.zero, Vector.zero)
                    var cursor = VectorCursor(start..<end)
                    while let i = cursor.next() {
                        var m = firstMap.decode(first.codes + i.start) * firstScale
                        var v = secondMap.decode(second.codes + i.start) * secondScale
                        if i.count < 8 { (m, v) = (m.first(i.count), v.first(i.count)) }
                        i.store(rule.apply(i.load(values), i.load(gradients) * factor, &m, &v), values)
                        i.store(.zero, gradients)
                        m.store(to: moments + (i.start - start))
                        v.store(to: squares + (i.start - start))
                        firstPeak = unsafeBitCast(m.magnitudeBits, to: Vector.self).raised(to: firstPeak)
                        secondPeak = v.raised(to: secondPeak)
                    }
                    let elements = end - start
                    first.encode(moments, largest: firstPeak.largest, block: block, count: elements, by: firstMap)
                    second.encode(squares, largest: secondPeak.largest, block: block, count: elements, by: secondMap)
                }
            }
        }
    }
}

extension Vector {
    /// Zeros after the first `count` lanes.
    @inline(__always)
    fileprivate func first(_ count: Int) -> Vector {
        var result = self
        for lane in count..<8 { result[lane] = 0 }
        return result
    }
}
