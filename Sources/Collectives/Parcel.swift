import COpenMPI
import Glibc

/// Numbers that vectors are added up of.
protocol Summand: SIMDScalar, Codable, Hashable, BitwiseCopyable {
    static var mpiType: MPI_Datatype { get }
    static func sum(_ a: SIMD8<Self>, _ b: SIMD8<Self>) -> SIMD8<Self>
    static func sum(_ a: Self, _ b: Self) -> Self
}

extension Float: Summand {
    static var mpiType: MPI_Datatype { prefopt_float() }
    @inline(__always) static func sum(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> { a + b }
    @inline(__always) static func sum(_ a: Float, _ b: Float) -> Float { a + b }
}

extension Int64: Summand {
    static var mpiType: MPI_Datatype { prefopt_int64() }
    @inline(__always) static func sum(_ a: SIMD8<Int64>, _ b: SIMD8<Int64>) -> SIMD8<Int64> { a &+ b }
    @inline(__always) static func sum(_ a: Int64, _ b: Int64) -> Int64 { a &+ b }
}

extension Summand {
    /// y = Σ of `sources`, in their order. y may be one of them.
    static func total(
        _ sources: UnsafeBufferPointer<UnsafePointer<Self>>, into y: UnsafeMutablePointer<Self>, count: Int
    ) {
        let lanes = SIMD8<Self>.scalarCount
        let whole = count / lanes * lanes
        for i in stride(from: 0, to: whole, by: lanes) {
            var sum = load(sources[0] + i)
            for source in 1..<sources.count { sum = Self.sum(sum, load(sources[source] + i)) }
            UnsafeMutableRawPointer(y + i).storeBytes(of: sum, as: SIMD8<Self>.self)
        }
        for i in whole..<count {
            y[i] = sources.dropFirst().reduce(sources[0][i]) { Self.sum($0, $1[i]) }
        }
    }

    /// y += x.
    static func add(_ x: UnsafePointer<Self>, to y: UnsafeMutablePointer<Self>, count: Int) {
        let lanes = SIMD8<Self>.scalarCount
        let whole = count / lanes * lanes
        for i in stride(from: 0, to: whole, by: lanes) {
            let sum = Self.sum(load(y + i), load(x + i))
            UnsafeMutableRawPointer(y + i).storeBytes(of: sum, as: SIMD8<Self>.self)
        }
        for i in whole..<count { y[i] = Self.sum(y[i], x[i]) }
    }

    @inline(__always)
    private static func load(_ x: UnsafePointer<Self>) -> SIMD8<Self> {
        UnsafeRawPointer(x).loadUnaligned(as: SIMD8<Self>.self)
    }
}

/// What numbers look like on the network.
protocol Parcel {
    associatedtype Element: Summand
    associatedtype Carried: BitwiseCopyable
    /// The bytes of `Carried` are those of `Element`: nothing needs packing.
    static var isVerbatim: Bool { get }
    static func pack(_ x: UnsafePointer<Element>, into parcel: UnsafeMutablePointer<Carried>, count: Int)
    static func unpack(_ parcel: UnsafePointer<Carried>, into x: UnsafeMutablePointer<Element>, count: Int)
    static func add(_ parcel: UnsafePointer<Carried>, to x: UnsafeMutablePointer<Element>, count: Int)
    /// x = what others see of it.
    static func settle(_ x: UnsafeMutablePointer<Element>, count: Int)
}

/// Numbers as they are.
enum Verbatim<Element: Summand>: Parcel {
    static var isVerbatim: Bool { true }
    static func pack(_ x: UnsafePointer<Element>, into parcel: UnsafeMutablePointer<Element>, count: Int) {
        parcel.update(from: x, count: count)
    }
    static func unpack(_ parcel: UnsafePointer<Element>, into x: UnsafeMutablePointer<Element>, count: Int) {
        x.update(from: parcel, count: count)
    }
    static func add(_ parcel: UnsafePointer<Element>, to x: UnsafeMutablePointer<Element>, count: Int) {
        Element.add(parcel, to: x, count: count)
    }
    static func settle(_ x: UnsafeMutablePointer<Element>, count: Int) {}
}

/// The upper half of a float32, rounded to nearest, ties to even: half of the bytes, 8 bits of precision. Infinities stay,
/// and what isn't a number stays so.
enum BFloat16: Parcel {
    static var isVerbatim: Bool { false }

    static func pack(_ x: UnsafePointer<Float>, into parcel: UnsafeMutablePointer<UInt16>, count: Int) {
        for i in 0..<count { parcel[i] = rounded(x[i].bitPattern) }
    }

    static func unpack(_ parcel: UnsafePointer<UInt16>, into x: UnsafeMutablePointer<Float>, count: Int) {
        for i in 0..<count { x[i] = Float(bitPattern: UInt32(parcel[i]) << 16) }
    }

    static func add(_ parcel: UnsafePointer<UInt16>, to x: UnsafeMutablePointer<Float>, count: Int) {
        for i in 0..<count { x[i] += Float(bitPattern: UInt32(parcel[i]) << 16) }
    }

    static func settle(_ x: UnsafeMutablePointer<Float>, count: Int) {
        for i in 0..<count { x[i] = Float(bitPattern: UInt32(rounded(x[i].bitPattern)) << 16) }
    }

    @inline(__always)
    private static func rounded(_ bits: UInt32) -> UInt16 {
        let nearest = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
        let isNumber = bits & 0x7FFF_FFFF <= 0x7F80_0000
        return isNumber ? nearest : UInt16(truncatingIfNeeded: bits >> 16) | 0x40
    }
}
