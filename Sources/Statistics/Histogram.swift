import Glibc

/// Bins of numbers.
package enum Histogram {
    /// Edges of equal bins over all numbers of some samples, by the rule of Freedman and Diaconis (width 2 · IQR / ∛n), at
    /// least 8 and at most 60. Empty without finite numbers.
    package static func edges(of samples: [[Double]]) -> [Double] {
        let values = samples.flatMap { $0 }.filter(\.isFinite).sorted()
        guard let low = values.first, let high = values.last else { return [] }
        guard high > low else { return [low - 0.5, low + 0.5] }
        let spread = values[values.count * 3 / 4] - values[values.count / 4]
        let size = samples.map(\.count).max() ?? 1
        let width = 2 * spread / cbrt(Double(size))
        let bins = width > 0 ? Int(min(60, max(8, ((high - low) / width).rounded(.up)))) : 20
        return (0..<bins).map { low + (high - low) * Double($0) / Double(bins) } + [high]
    }

    /// The count of numbers in each bin; the last one has its upper edge too.
    package static func counts(of values: [Double], edges: [Double]) -> [Double] {
        guard edges.count > 1, let low = edges.first, let high = edges.last else { return [] }
        var counts = [Double](repeating: 0, count: edges.count - 1)
        for value in values where value >= low && value <= high {
            let bin = Int((value - low) / (high - low) * Double(counts.count))
            counts[min(counts.count - 1, bin)] += 1
        }
        return counts
    }
}
