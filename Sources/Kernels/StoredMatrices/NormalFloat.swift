import CVector

/// NF4: four bits per weight in blocks of 64 with doubly quantised scales (arXiv 2305.14314), as bitsandbytes keeps it.
///
/// A tensor's elements are taken row after row. A block's scale is its max |x|; an element is the nearest of sixteen levels,
/// quantiles of a normal distribution scaled to ±1, times the scale. Less their mean, the scales are themselves bytes:
/// numbers of `scaleNumbers`, times the largest magnitude in each block of 256 scales.
package enum NormalFloat {
    package static let block = 64
    /// Scales that share one of their own.
    package static let scaleBlock = 256

    /// The sixteen levels, in rising order.
    static let levels: [Float] = [
        -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
        -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
        0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
    ]

    /// The 256 numbers of ±1 that a scale's byte stands for, in rising order: of either sign and in each decade i (0…6),
    /// the middles of 2ⁱ equal parts of [0.1, 1] · 10ⁱ⁻⁶, and 0 and 1 (arXiv 2110.02861). (bitsandbytes computes them in
    /// float32 by what the machine has, so that its own tables differ in the last bits.)
    static let scaleNumbers: [Float] = {
        var numbers: [Float] = [0, 1]
        for (decade, power) in [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1].enumerated() {
            let parts = 1 << decade
            for part in 0..<parts {
                let middle = 0.1 + 0.9 * Double(2 * part + 1) / Double(2 * parts)
                numbers += [Float(power * middle), Float(-power * middle)]
            }
        }
        return numbers.sorted()
    }()

    /// Read in the middle of products, where an array's counted reference would cost more than the reading.
    static let scaleTable: StaticFloats = StaticFloats(scaleNumbers)

    /// Quantises whole blocks and a last, shorter one; every x is finite.
    ///
    /// - Parameters:
    ///   - codes: two elements in each byte, the first in its upper half: ⌈count / 2⌉ bytes.
    ///   - scales: one for each block.
    package static func quantize(
        _ x: UnsafePointer<Float>, count: Int, into codes: UnsafeMutablePointer<UInt8>,
        scales: UnsafeMutablePointer<Float>
    ) {
        for start in stride(from: 0, to: count, by: block) {
            let length = min(block, count - start)
            let largest = largestMagnitude(x + start, length)
            scales[start / block] = largest
            let inverse = 1 / max(largest, 1e-38)
            for i in stride(from: start, to: start + length, by: 2) {
                let second = i + 1 < start + length ? level(of: x[i + 1] * inverse) : 7
                codes[i / 2] = level(of: x[i] * inverse) << 4 | second
            }
        }
    }

    /// The place of the nearest level, the lower one in the middle of two.
    private static func level(of x: Float) -> UInt8 {
        levels.withUnsafeBufferPointer { levels in
            var place = 0
            for width in [8, 4, 2, 1] where x > (levels[place + width - 1] + levels[place + width]) / 2 {
                place += width
            }
            return UInt8(place)
        }
    }

    /// Quantises the scales of a tensor.
    ///
    /// - Parameters:
    ///   - codes: a byte for each scale.
    ///   - outerScales: one for each 256 scales.
    /// - Returns: the scales' mean, which is taken off before.
    package static func quantizeScales(
        _ scales: UnsafeMutablePointer<Float>, count: Int, into codes: UnsafeMutablePointer<UInt8>,
        outerScales: UnsafeMutablePointer<Float>
    ) -> Float {
        let mean = Float((0..<count).reduce(0) { $0 + Double(scales[$1]) } / Double(max(1, count)))
        let numbers = scaleNumbers
        for start in stride(from: 0, to: count, by: scaleBlock) {
            let length = min(scaleBlock, count - start)
            for i in start..<start + length { scales[i] -= mean }
            let largest = largestMagnitude(scales + start, length)
            outerScales[start / scaleBlock] = largest
            let inverse = 1 / max(largest, 1e-38)
            for i in start..<start + length {
                let x = scales[i] * inverse
                var place = 0
                for width in [128, 64, 32, 16, 8, 4, 2, 1]
                where x > (numbers[place + width - 1] + numbers[place + width]) / 2 {
                    place += width
                }
                codes[i] = UInt8(place)
            }
        }
        return mean
    }
}

/// A stored NF4 tensor, its parts at any addresses.
struct NormalFloatBlocks {
    let codes: UnsafeRawPointer
    /// A byte for each block, and float32 for each 256 of them.
    let scaleCodes: UnsafeRawPointer
    let outerScales: UnsafeRawPointer
    let scaleMean: Float
    private let numbers = NormalFloat.scaleTable.base

    init(codes: UnsafeRawPointer, scaleCodes: UnsafeRawPointer, outerScales: UnsafeRawPointer, scaleMean: Float) {
        (self.codes, self.scaleCodes) = (codes, scaleCodes)
        (self.outerScales, self.scaleMean) = (outerScales, scaleMean)
    }

    /// Some of the tensor's elements, counted row after row.
    func widen(_ elements: Range<Int>, into target: UnsafeMutablePointer<Float>) {
        let shifts = SIMD8<UInt32>(4, 0, 12, 8, 20, 16, 28, 24)
        let low = Vector(
            -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
            -0.18477343022823334, -0.09105003625154495, 0)
        let high = Vector(
            0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434,
            0.5626170039176941, 0.7229568362236023, 1)
        var (element, target) = (elements.lowerBound, target)
        while element < elements.upperBound {
            let block = element / NormalFloat.block
            let end = min(elements.upperBound, (block + 1) * NormalFloat.block)
            let scale = scale(of: block)
            // Eight elements are four whole bytes where the first one's place is even.
            if element % 2 == 1 { put(element, scale, &target, &element) }
            while element + 8 <= end {
                let word = codes.loadUnaligned(fromByteOffset: element / 2, as: UInt32.self)
                let places = SIMD8<UInt32>(repeating: word) &>> shifts
                (prefopt_look_up16(low, high, places) * scale).store(to: target)
                target += 8
                element += 8
            }
            while element < end { put(element, scale, &target, &element) }
        }
    }

    @inline(__always)
    private func put(
        _ place: Int, _ scale: Float, _ target: inout UnsafeMutablePointer<Float>, _ element: inout Int
    ) {
        let byte = codes.load(fromByteOffset: place / 2, as: UInt8.self)
        let code = Int(place % 2 == 0 ? byte >> 4 : byte & 15)
        target.pointee = NormalFloatBlocks.levels.base[code] * scale
        target += 1
        element += 1
    }

    private static let levels = StaticFloats(NormalFloat.levels)

    /// scaleNumbers[byte] · outer scale + mean
    @inline(__always)
    private func scale(of block: Int) -> Float {
        let number = numbers[Int(scaleCodes.load(fromByteOffset: block, as: UInt8.self))]
        return number
            * outerScales.loadUnaligned(fromByteOffset: 4 * (block / NormalFloat.scaleBlock), as: Float.self)
            + scaleMean
    }
}

/// Constants that stay where they are for as long as the program runs.
struct StaticFloats: @unchecked Sendable {
    let base: UnsafePointer<Float>

    init(_ values: [Float]) {
        let copy = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
        copy.initialize(from: values, count: values.count)
        base = UnsafePointer(copy)
    }
}
