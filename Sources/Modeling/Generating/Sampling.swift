import Glibc
import Kernels

/// The distribution that the next token is drawn from.
package struct Sampling: Sendable {
    /// 0 is greedy; otherwise logits are divided by it.
    package var temperature: Double
    /// Only so many of the most probable tokens can be drawn; nil: all.
    package var topK: Int?
    /// Only the most probable tokens that together reach this probability can be drawn (nucleus sampling, arXiv 1904.09751).
    package var topP: Double

    package init(temperature: Double, topK: Int? = nil, topP: Double = 1) {
        (self.temperature, self.topK, self.topP) = (temperature, topK, topP)
    }

    /// The next token's id. Among equal logits the lower id goes first.
    ///
    /// Tokens are looked at in falling order of probability where some are left out, else in the order of their ids; the
    /// one is taken at which the sum of probabilities passes a number drawn below the sum of all that are left.
    package func choose(_ logits: UnsafeBufferPointer<Float>, using generator: inout some RandomNumberGenerator)
        -> Int32
    {
        guard let base = logits.baseAddress else { return 0 }
        let best = RowMaximum.first(of: base, count: logits.count)
        guard temperature > 0 else { return Int32(best) }
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: logits.count) { weights in
            for id in logits.indices { weights[id] = exp((Double(logits[id]) - Double(logits[best])) / temperature) }
            let leavesOut = topP < 1 || topK.map { $0 < logits.count } ?? false
            let sum = weights.reduce(0, +)
            guard leavesOut else {
                return Sampling.draw(logits.count, of: weights, limit: topP * sum, using: &generator) { $0 }
            }
            let order = mostProbable(UnsafeBufferPointer(weights))
            let limit = topK == nil ? topP * sum : topP * order.reduce(0) { $0 + weights[$1] }
            return Sampling.draw(order.count, of: weights, limit: limit, using: &generator) { order[$0] }
        }
    }

    /// Draws one of as many ids, the first of an order, as it takes to reach a sum of weights.
    @inline(__always)
    private static func draw(
        _ count: Int, of weights: UnsafeMutableBufferPointer<Double>, limit: Double,
        using generator: inout some RandomNumberGenerator, _ id: (_ place: Int) -> Int
    ) -> Int32 {
        var (kept, mass) = (0, 0.0)
        while kept < count, kept == 0 || mass < limit {
            mass += weights[id(kept)]
            kept += 1
        }
        var rest = Double(generator.next() >> 11) * 0x1p-53 * mass
        for place in 0..<kept {
            rest -= weights[id(place)]
            if rest < 0 { return Int32(id(place)) }
        }
        return Int32(id(kept - 1))
    }

    /// Ids in falling order of weight, which is 1 at most: as many as can be drawn, and perhaps more.
    private func mostProbable(_ weights: UnsafeBufferPointer<Double>) -> [Int] {
        // Mostly a few tokens have nearly all of the probability: those above a bound are sorted, and the bound is lowered
        // until they are enough.
        let limit = topP * weights.reduce(0, +)
        var bound = 1e-2
        while true {
            var (ids, mass): ([Int], Double) = ([], 0)
            for id in weights.indices where weights[id] >= bound {
                ids.append(id)
                mass += weights[id]
            }
            // (The two sums are of different orders: only clearly more than enough is enough.)
            let isEnough = topK.map { ids.count >= $0 } ?? (mass > limit * (1 + 1e-9))
            if isEnough || bound == 0 {
                ids.sort { weights[$0] > weights[$1] || weights[$0] == weights[$1] && $0 < $1 }
                return Array(ids.prefix(topK ?? ids.count))
            }
            bound = bound > 1e-12 ? bound * 1e-2 : 0
        }
    }
}
