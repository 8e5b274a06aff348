extension Array where Element == Double {
    /// The value below which a share q of the numbers lies, interpolated linearly between the two nearest (numpy's default,
    /// type 7 of Hyndman and Fan). NaN without numbers.
    package func quantile(_ q: Double) -> Double { sorted().quantile(ofSorted: q) }

    package var median: Double { quantile(0.5) }

    /// The same of numbers that are sorted already.
    package func quantile(ofSorted q: Double) -> Double {
        guard !isEmpty else { return .nan }
        let place = q * Double(count - 1)
        let below = Int(place.rounded(.down))
        let above = Swift.min(below + 1, count - 1)
        return self[below] + (place - Double(below)) * (self[above] - self[below])
    }
}
