import CVector

/// A matrix [N, K] quantised by GPTQ (arXiv 2210.17323) as AutoGPTQ and GPTQModel publish it, at any addresses: whole
/// numbers of 4 or 8 bits that share a scale and a zero point in groups of inputs,
///
///     W[n, k] = scales[g, n] · (q[k, n] − zeros[g, n]),  g the group of k,
///
/// in float32 with one rounding.
package struct GroupedIntegers: @unchecked Sendable {
    package enum ScaleType: Sendable { case float16, bfloat16, float32 }

    /// 32-bit words [K / (32 / bits), N]; a word's lowest bits are the first input's.
    let numbers: UnsafeRawPointer
    /// 32-bit words [groups, N / (32 / bits)]; a word's lowest bits are the first output's.
    package let zeros: UnsafeRawPointer
    /// [groups, N]
    let scales: UnsafeRawPointer
    let scaleType: ScaleType
    /// The group of each input, 32-bit; nil: so many inputs after each other share one.
    let groups: UnsafeRawPointer?
    let groupSize: Int
    let bits: Int
    let zerosAreOneLess: Bool

    /// - Parameters:
    ///   - bits: 4 or 8.
    ///   - groups: every one below the number of rows of `zeros` and `scales`.
    ///   - zerosAreOneLess: the first format's zero points, stored less one (and 0 as the largest number).
    package init(
        numbers: UnsafeRawPointer, zeros: UnsafeRawPointer, scales: UnsafeRawPointer, scaleType: ScaleType,
        groups: UnsafeRawPointer?, groupSize: Int, bits: Int, zerosAreOneLess: Bool
    ) {
        (self.numbers, self.zeros, self.scales, self.scaleType) = (numbers, zeros, scales, scaleType)
        (self.groups, self.groupSize, self.bits, self.zerosAreOneLess) = (groups, groupSize, bits, zerosAreOneLess)
    }

    /// Outputs that are widened at a time: their scales and zeros find room on the stack.
    private static let outputsAtOnce = 128

    /// Some columns of the matrix, `stride` floats apart, of each the elements of some rows.
    ///
    /// - Parameter outputs: N
    package func widen(
        columns: Range<Int>, rows: Range<Int>, outputs: Int, into target: UnsafeMutablePointer<Float>, _ stride: Int
    ) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * GroupedIntegers.outputsAtOnce) { room in
            guard let scales = room.baseAddress else { return }
            let zeros = scales + GroupedIntegers.outputsAtOnce
            for row in Swift.stride(from: rows.lowerBound, to: rows.upperBound, by: GroupedIntegers.outputsAtOnce) {
                let here = row..<min(rows.upperBound, row + GroupedIntegers.outputsAtOnce)
                var prepared = -1
                for column in columns {
                    let group = group(of: column)
                    if group != prepared {
                        widenScales(group, here, outputs, into: scales)
                        widenZeros(group, here, outputs, into: zeros)
                        prepared = group
                    }
                    widen(
                        column, here, outputs, scales, zeros,
                        into: target + (column - columns.lowerBound) * stride + row - rows.lowerBound)
                }
            }
        }
    }

    @inline(__always)
    private func group(of column: Int) -> Int {
        guard let groups else { return column / groupSize }
        return Int(groups.loadUnaligned(fromByteOffset: 4 * column, as: Int32.self))
    }

    /// A whole number q < 2²³ in the low bits of 2²³ makes the float 2²³ + q.
    private static let exponent: UInt32 = 0x4B00_0000

    @inline(__always)
    private func widen(
        _ column: Int, _ rows: Range<Int>, _ outputs: Int, _ scales: UnsafePointer<Float>,
        _ zeros: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
    ) {
        let perWord = 32 / bits
        let words = numbers + 4 * (column / perWord * outputs + rows.lowerBound)
        let shift = UInt32(column % perWord * bits)
        let mask: UInt32 = (1 << UInt32(bits)) - 1
        let (shifts, masks) = (SIMD8(repeating: shift), SIMD8(repeating: mask))
        for i in Kernels.groups(of: rows.count) {
            let word = words.loadUnaligned(fromByteOffset: 4 * i, as: SIMD8<UInt32>.self)
            let number = unsafeBitCast(
                (word &>> shifts) & masks | SIMD8(repeating: GroupedIntegers.exponent), to: Vector.self)
            ((number - Vector(from: zeros + i)) * Vector(from: scales + i)).store(to: target + i)
        }
        for i in remainder(of: rows.count) {
            let word = words.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
            target[i] = (Float(bitPattern: word >> shift & mask | GroupedIntegers.exponent) - zeros[i]) * scales[i]
        }
    }

    private func widenScales(
        _ group: Int, _ rows: Range<Int>, _ outputs: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let first = group * outputs + rows.lowerBound
        switch scaleType {
        case .float16: Conversion.fromFloat16(scales + 2 * first, into: target, count: rows.count)
        case .bfloat16: Conversion.fromBFloat16(scales + 2 * first, into: target, count: rows.count)
        case .float32:
            UnsafeMutableRawPointer(target).copyMemory(from: scales + 4 * first, byteCount: 4 * rows.count)
        }
    }

    /// 2²³ + zero: what `widen` takes off.
    private func widenZeros(
        _ group: Int, _ rows: Range<Int>, _ outputs: Int, into target: UnsafeMutablePointer<Float>
    ) {
        let mask: UInt32 = (1 << UInt32(bits)) - 1
        let more: UInt32 = zerosAreOneLess ? 1 : 0
        // Little-endian words of numbers, lowest bits first, are one stream of numbers.
        let stream = zeros + group * (outputs * bits / 8)
        func put(_ i: Int) {
            let bit = (rows.lowerBound + i) * bits
            let byte = UInt32(stream.load(fromByteOffset: bit / 8, as: UInt8.self))
            let zero = ((byte >> UInt32(bit % 8)) &+ more) & mask
            target[i] = Float(bitPattern: zero | GroupedIntegers.exponent)
        }
        var i = 0
        if bits == 4, rows.lowerBound % 2 == 0 {
            let shifts = SIMD8<UInt32>(0, 4, 8, 12, 16, 20, 24, 28)
            while i + 8 <= rows.count {
                let word = stream.loadUnaligned(fromByteOffset: (rows.lowerBound + i) / 2, as: UInt32.self)
                let zero = (SIMD8(repeating: word) &>> shifts &+ SIMD8(repeating: more)) & SIMD8(repeating: mask)
                unsafeBitCast(zero | SIMD8(repeating: GroupedIntegers.exponent), to: Vector.self).store(to: target + i)
                i += 8
            }
        }
        if bits == 8 {
            while i + 8 <= rows.count {
                let bytes = stream.loadUnaligned(fromByteOffset: rows.lowerBound + i, as: SIMD8<UInt8>.self)
                let zero = (SIMD8<UInt32>(truncatingIfNeeded: bytes) &+ SIMD8(repeating: more)) & SIMD8(repeating: mask)
                unsafeBitCast(zero | SIMD8(repeating: GroupedIntegers.exponent), to: Vector.self).store(to: target + i)
                i += 8
            }
        }
        while i < rows.count {
            put(i)
            i += 1
        }
    }
}
