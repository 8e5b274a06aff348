/// An interval of confidence.
package struct Interval: Sendable, Equatable {
    package let low: Double
    package let high: Double

    package init(_ low: Double, _ high: Double) { (self.low, self.high) = (low, high) }

    package func contains(_ value: Double) -> Bool { low <= value && value <= high }

    /// The normal distribution's 97.5 % quantile.
    package static let z = 1.959963984540054

    /// Wilson's 95 % interval of a share p of n, with z = 1.96:
    ///
    ///     [p + z²/2n ± z √(p (1 − p)/n + z²/4n²)] / (1 + z²/n)
    ///
    /// E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209. Where ties count a half it is a little too wide, since half a win
    /// varies less. From 0 to 1 for n = 0.
    package static func wilson(share p: Double, of count: Int) -> Interval {
        guard count > 0 else { return Interval(0, 1) }
        let n = Double(count)
        let middle = p + z * z / (2 * n)
        let width = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        return Interval(max(0, (middle - width) / (1 + z * z / n)), min(1, (middle + width) / (1 + z * z / n)))
    }
}
