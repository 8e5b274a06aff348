import Statistics

/// The order of an epoch's comparisons.
enum EpochOrder {
    /// A Fisher–Yates shuffle of 0..<count by the seed and the epoch, or file order.
    ///
    /// Written out rather than left to the standard library, whose algorithm may change between versions: a checkpoint
    /// must find the same order on the day it is resumed.
    static func comparisons(count: Int, shuffle: Bool, seed: UInt64, epoch: Int) -> [Int] {
        var order = Array(0..<count)
        guard shuffle, count > 1 else { return order }
        // Two rounds, so that (seed, epoch) and (seed + 1, epoch − 1) are unrelated.
        var outer = SplitMix64(state: seed)
        var random = SplitMix64(state: outer.next() ^ (UInt64(epoch) &* 0xD1B5_4A32_D192_ED03))
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, Int(random.next(below: UInt64(last) + 1)))
        }
        return order
    }
}

extension SplitMix64 {
    /// Uniform on 0..<bound, without the bias of a plain remainder: draws that fall in the uneven end are repeated.
    fileprivate mutating func next(below bound: UInt64) -> UInt64 {
        let uneven = (UInt64.max % bound + 1) % bound
        while true {
            let draw = next()
            if draw <= UInt64.max - uneven { return draw % bound }
        }
    }
}
