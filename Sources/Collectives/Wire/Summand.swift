import COpenMPI

/// Numbers that vectors are added up of.
package protocol Summand: SIMDScalar, Codable, Hashable, BitwiseCopyable {
    static var mpiType: MPI_Datatype { get }
    static func sum(_ a: SIMD8<Self>, _ b: SIMD8<Self>) -> SIMD8<Self>
    static func sum(_ a: Self, _ b: Self) -> Self
}

extension Float: Summand {
    package static var mpiType: MPI_Datatype { prefopt_float() }
    @inline(__always) package static func sum(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> { a + b }
    @inline(__always) package static func sum(_ a: Float, _ b: Float) -> Float { a + b }
}

extension Int64: Summand {
    package static var mpiType: MPI_Datatype { prefopt_int64() }
    @inline(__always) package static func sum(_ a: SIMD8<Int64>, _ b: SIMD8<Int64>) -> SIMD8<Int64> { a &+ b }
    @inline(__always) package static func sum(_ a: Int64, _ b: Int64) -> Int64 { a &+ b }
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
