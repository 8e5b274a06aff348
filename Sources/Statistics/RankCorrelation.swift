import Glibc

/// Spearman's rank correlation ρ of two measures of the same items: Pearson's correlation of their ranks, where ties have
/// the mean of the ranks that they take up.
package struct RankCorrelation: Sendable {
    /// From −1 to 1; nil for fewer than two items, or if one of the measures is the same for all.
    package let rho: Double?
    package let count: Int

    package init(_ x: [Double], _ y: [Double]) {
        precondition(x.count == y.count, "two measures of the same items")
        count = x.count
        rho = Self.pearson(Self.ranks(x), Self.ranks(y))
    }

    /// The 95 % interval: tanh(artanh ρ ± 1.96 √((1 + ρ²/2) / (n − 3))), D. G. Bonett and T. A. Wright, Psychometrika 65
    /// (2000) 23. Nil for fewer than four items.
    package var interval: Interval? {
        guard let rho, count > 3 else { return nil }
        guard abs(rho) < 1 else { return Interval(rho, rho) }
        let width = Interval.z * ((1 + rho * rho / 2) / Double(count - 3)).squareRoot()
        return Interval(tanh(atanh(rho) - width), tanh(atanh(rho) + width))
    }

    /// Ranks from 1.
    package static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var first = 0
        while first < order.count {
            var end = first + 1
            while end < order.count, values[order[end]] == values[order[first]] { end += 1 }
            // The ranks first + 1 … end.
            for place in first..<end { ranks[order[place]] = Double(first + 1 + end) / 2 }
            first = end
        }
        return ranks
    }

    /// The linear correlation; nil where it has none.
    package static func pearson(_ x: [Double], _ y: [Double]) -> Double? {
        guard x.count > 1 else { return nil }
        let n = Double(x.count)
        let (mx, my) = (x.reduce(0, +) / n, y.reduce(0, +) / n)
        var (xx, yy, xy) = (0.0, 0.0, 0.0)
        for (x, y) in zip(x, y) {
            xx += (x - mx) * (x - mx)
            yy += (y - my) * (y - my)
            xy += (x - mx) * (y - my)
        }
        guard xx > 0, yy > 0 else { return nil }
        return max(-1, min(1, xy / (xx * yy).squareRoot()))
    }
}
