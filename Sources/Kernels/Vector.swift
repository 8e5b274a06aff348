/// Eight floats: one AVX2 register.
typealias Vector = SIMD8<Float>

extension Vector {
    @inline(__always)
    init(from pointer: UnsafePointer<Float>) {
        self = UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
    }

    @inline(__always)
    init(from pointer: UnsafeMutablePointer<Float>) {
        self = UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
    }

    @inline(__always)
    func store(to pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: Vector.self)
    }

    /// The first `count` (< 8) floats at `pointer`, the rest `fill`: for the tail of a row.
    @inline(__always)
    init(tail pointer: UnsafePointer<Float>, count: Int, fill: Float = 0) {
        self.init(repeating: fill)
        for lane in 0..<count { self[lane] = pointer[lane] }
    }

    @inline(__always)
    func store(tail pointer: UnsafeMutablePointer<Float>, count: Int) {
        for lane in 0..<count { pointer[lane] = self[lane] }
    }

    /// Sum of the lanes, in a fixed order.
    @inline(__always)
    var total: Float {
        let four = lowHalf + highHalf
        let two = four.lowHalf + four.highHalf
        return two[0] + two[1]
    }

    @inline(__always)
    var largest: Float {
        let four = lowHalf.replacing(with: highHalf, where: lowHalf .< highHalf)
        let two = four.lowHalf.replacing(with: four.highHalf, where: four.lowHalf .< four.highHalf)
        return Swift.max(two[0], two[1])
    }

    /// The larger of the two in every lane, by one instruction (the library's `pointwiseMax` takes the lanes one by one).
    @inline(__always)
    func raised(to floor: Vector) -> Vector { replacing(with: floor, where: self .< floor) }

    /// The bits of |x|.
    @inline(__always)
    var magnitudeBits: SIMD8<UInt32> { unsafeBitCast(self, to: SIMD8<UInt32>.self) & 0x7FFF_FFFF }
}

/// Σ aᵢ bᵢ, in two interleaved partial sums of eight lanes.
@inline(__always)
func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
    var s0 = Vector.zero
    var s1 = Vector.zero
    var i = 0
    while i + 16 <= count {
        s0 = s0.addingProduct(Vector(from: a + i), Vector(from: b + i))
        s1 = s1.addingProduct(Vector(from: a + i + 8), Vector(from: b + i + 8))
        i += 16
    }
    if i + 8 <= count {
        s0 = s0.addingProduct(Vector(from: a + i), Vector(from: b + i))
        i += 8
    }
    var sum = (s0 + s1).total
    while i < count {
        sum = sum.addingProduct(a[i], b[i])
        i += 1
    }
    return sum
}

/// The first elements of the whole eight-float groups of `0..<count`. (A closure called for each group is not always
/// inlined into its loop; a loop body always is.)
@inline(__always)
func groups(of count: Int) -> Groups { Groups(end: count - 7) }

/// The elements that `groups(of:)` leaves over.
@inline(__always)
func remainder(of count: Int) -> Range<Int> { (count & ~7)..<count }

struct Groups: Sequence, IteratorProtocol {
    private var start = 0
    private let end: Int

    @inline(__always)
    fileprivate init(end: Int) { self.end = end }

    @inline(__always)
    mutating func next() -> Int? {
        guard start < end else { return nil }
        defer { start += 8 }
        return start
    }
}
