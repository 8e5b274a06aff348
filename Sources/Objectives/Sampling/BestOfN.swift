import Glibc

/// Best-of-n sampling: of n responses that a policy draws, the one with the highest reward.
package enum BestOfN {
    /// log n − (n − 1)/n, which KL(π_n ‖ π) of the policy π_n that best-of-n is doesn't exceed (arXiv 2401.01879).
    package static func divergenceBound(_ n: Int) -> Double { log(Double(n)) - Double(n - 1) / Double(n) }

    /// The probability of each of m responses in ascending order of reward to be the best of n drawn among them without
    /// replacement: C(i, n − 1) / C(m, n) for the i-th, counted from 0.
    ///
    /// The sum of these times any numbers of the responses estimates best-of-n's mean of them without bias, for every n ≤ m
    /// from the same m responses.
    ///
    /// - Precondition: 1 ≤ n ≤ m.
    package static func weights(of m: Int, best n: Int) -> [Double] {
        precondition(1...max(1, m) ~= n)
        var weights = [Double](repeating: 0, count: m)
        // From the top: the best of all is drawn with probability n/m; below it C(i−1, n−1) / C(i, n−1) = (i−n+1)/i.
        var weight = Double(n) / Double(m)
        for place in stride(from: m - 1, through: n - 1, by: -1) {
            weights[place] = weight
            if place > 0 { weight *= Double(place - n + 1) / Double(place) }
        }
        return weights
    }
}
