/// The generator SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): 64 bits of state, one output per addition, every seed good.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        let output = SplitMix64.mixed(state)
        state &+= SplitMix64.increment
        return output
    }

    /// The odd number nearest to 2⁶⁴ over the golden ratio.
    private static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// The output of the generator in a state: every bit of it depends on all bits of the state. For keys made of numbers that
    /// are near each other.
    package static func mixed(_ x: UInt64) -> UInt64 {
        var z = x &+ increment
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
