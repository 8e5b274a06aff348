import CVector

/// The eight-bit numbers that optimizer moments are kept in: dynamic quantisation in blocks (arXiv 2110.02861).
///
/// A block of 256 elements shares one float32 scale, its largest magnitude; each element is a byte that stands for one of
/// 256 numbers of ±1. Between 10⁻⁷ and 1 every decade i (0…6) holds n = 2ⁱ of them per sign, or 2ⁱ⁺¹ without signs: the
/// middles of n equal parts of [0.1, 1] · 10ⁱ⁻⁶. With 0 and 1 that makes 256, in rising order: bitsandbytes' maps.
///
/// Bytes are coded and decoded by arithmetic, eight at once. A number's *rank* is n + k for part k of its decade, so that
/// the rank's binary exponent says the decade; 1 is the only rank of an eighth one.
struct DynamicMap {
    /// Elements that share a scale.
    static let block = 256

    /// For moments of either sign. The bytes 0, 127 and 255 are −0.993, 0 and 1.
    static let signed = DynamicMap(isSigned: true)
    /// For second moments. The bytes 0 and 255 are 0 and 1.
    static let unsigned = DynamicMap(isSigned: false)

    private let isSigned: Bool
    /// From a rank: value = slope · rank / n + offset, by decade.
    private let slope, offset: Vector
    /// To a rank: the whole part of factor · |x| + shift, and at most `last`, by decade.
    private let factor, shift, last: Vector
    /// The borders between decades, each the middle of its neighbours: what lies above belongs to the next one.
    private let borders: (Vector, Vector, Vector, Vector, Vector, Vector, Vector)
    /// The largest magnitude that becomes 0.
    private let nothing: Vector
    private let firstRank: Vector

    init(isSigned: Bool) {
        self.isSigned = isSigned
        var (slope, offset) = (Vector.zero, Vector.zero)
        var (factor, shift, last) = (Vector.zero, Vector.zero, Vector.zero)
        var (lowest, highest): ([Double], [Double]) = ([], [])
        var power = 1e-6
        for decade in 0..<7 {
            let n = Double(1 << (decade + (isSigned ? 0 : 1)))
            slope[decade] = Float(0.9 * power)
            offset[decade] = Float((0.45 / n - 0.8) * power)
            factor[decade] = Float(n / 0.9 / power)
            shift[decade] = Float(n * (8.0 / 9))
            last[decade] = Float(2 * n - 1)
            lowest.append((0.1 + 0.45 / n) * power)
            highest.append((1 - 0.45 / n) * power)
            power *= 10
        }
        let one: Float = isSigned ? 128 : 256
        (offset[7], shift[7], last[7]) = (1, one, one)
        let middles = (0..<7).map { Vector(repeating: Float((highest[$0] + ($0 < 6 ? lowest[$0 + 1] : 1)) / 2)) }
        borders = (middles[0], middles[1], middles[2], middles[3], middles[4], middles[5], middles[6])
        (self.slope, self.offset, self.factor, self.shift, self.last) = (slope, offset, factor, shift, last)
        // A second moment above 0 never becomes 0: its square root divides a first moment, and where that lives on the
        // step would be the moment over ε. (bitsandbytes rounds to the nearest there too.)
        nothing = Vector(repeating: isSigned ? Float(lowest[0] / 2) : 0)
        firstRank = Vector(repeating: isSigned ? 1 : 2)
    }

    /// The numbers that eight bytes stand for, in ±1.
    @inline(__always)
    func decode(_ codes: UnsafePointer<UInt8>) -> Vector {
        let code = prefopt_widen_bytes8(codes)
        let ahead = code &- (isSigned ? 127 : -1)
        let sign = ahead &>> 31
        let rank = (ahead ^ sign) &- sign
        let number = prefopt_to_float8(rank)
        let bits = unsafeBitCast(number, to: SIMD8<Int32>.self)
        let decade = (bits &>> 23) &- (isSigned ? 127 : 128)
        // rank / n = 1 + k / n, by the exponent of 1.
        let part = unsafeBitCast(bits & 0x7F_FFFF | 0x3F80_0000, to: Vector.self)
        let value = prefopt_look_up8(offset, decade).addingProduct(prefopt_look_up8(slope, decade), part)
        let signed = unsafeBitCast(unsafeBitCast(value, to: SIMD8<Int32>.self) | (sign &<< 31), to: Vector.self)
        // (Comparisons of floats are one instruction, those of integers are not.)
        return signed.replacing(with: Vector.zero, where: number .== firstRank - 1)
    }

    /// Stores the bytes of the numbers nearest to eight numbers of ±1. (Within a rounding of the middle between two
    /// neighbours either may come out.)
    @inline(__always)
    func encode(_ x: Vector, into codes: UnsafeMutablePointer<UInt8>) {
        let y = unsafeBitCast(x.magnitudeBits, to: Vector.self)
        let decade =
            above(borders.0, y) &+ above(borders.1, y) &+ above(borders.2, y) &+ above(borders.3, y)
            &+ above(borders.4, y) &+ above(borders.5, y) &+ above(borders.6, y)
        let ceiling = prefopt_look_up8(last, decade)
        var rank = prefopt_look_up8(shift, decade).addingProduct(prefopt_look_up8(factor, decade), y)
        rank = rank.replacing(with: ceiling, where: rank .> ceiling).raised(to: firstRank)
        rank = rank.replacing(with: firstRank - 1, where: y .<= nothing)
        // −1 has no byte of its own.
        if isSigned { rank = rank.replacing(with: 127, where: x .<= -borders.6) }
        var code = prefopt_to_int8(rank)
        if isSigned {
            let sign = unsafeBitCast(x, to: SIMD8<Int32>.self) &>> 31
            code = 127 &+ ((code ^ sign) &- sign)
        } else {
            code = code &- 1
        }
        prefopt_narrow_bytes8(code, codes)
    }

    @inline(__always)
    private func above(_ border: Vector, _ y: Vector) -> SIMD8<Int32> {
        SIMD8<Int32>.zero.replacing(with: 1, where: y .> border)
    }
}

/// A vector of bytes in blocks of 256 with their scales: zeroed memory of both is a vector of zeros.
package struct QuantizedVector {
    package static let block = DynamicMap.block

    /// Room for whole blocks: bytes after the last element may be written.
    package let codes: UnsafeMutablePointer<UInt8>
    /// One for each block.
    package let scales: UnsafeMutablePointer<Float>

    package init(codes: UnsafeMutablePointer<UInt8>, scales: UnsafeMutablePointer<Float>) {
        self.codes = codes
        self.scales = scales
    }

    /// The rest of the vector from a block on.
    package func advanced(byBlocks blocks: Int) -> QuantizedVector {
        QuantizedVector(codes: codes + blocks * QuantizedVector.block, scales: scales + blocks)
    }

    /// The numbers that are kept: those of first moments, which have signs, or of second ones.
    package func decode(into x: UnsafeMutablePointer<Float>, count: Int, isSigned: Bool) {
        let map = isSigned ? DynamicMap.signed : DynamicMap.unsigned
        var cursor = VectorCursor(0..<count)
        while let i = cursor.next() {
            i.store(map.decode(codes + i.start) * scales[i.start / QuantizedVector.block], x)
        }
    }

    /// Keeps a block of numbers; those after the first `count` are zeros.
    @inline(__always)
    func encode(_ x: UnsafePointer<Float>, largest: Float, block: Int, count: Int, by map: DynamicMap) {
        scales[block] = largest
        let inverse = 1 / Swift.max(largest, 1e-38)
        let target = codes + block * QuantizedVector.block
        for start in stride(from: 0, to: count, by: 8) {
            map.encode(Vector(from: x + start) * inverse, into: target + start)
        }
    }
}
