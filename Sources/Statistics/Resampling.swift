/// The draws of a report's bootstrap: the same for the same folder, so that a report can be made again.
package struct Resampling: RandomNumberGenerator {
    private var state: UInt64

    /// - Parameter seed: any; the same draws for the same.
    package init(seed: UInt64 = 0) { state = seed == 0 ? 0x5EED : seed }

    /// An xorshift of 64 bits with a multiplication (G. Marsaglia, J. Stat. Softw. 8, 14 (2003); S. Vigna, 2016).
    package mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
