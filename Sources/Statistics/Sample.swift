/// Mean, deviation, least and greatest of some numbers.
package struct Sample: Sendable {
    package let count: Int
    package let mean: Double
    /// With n − 1; 0 for fewer than two numbers.
    package let deviation: Double
    package let least: Double
    package let greatest: Double

    package init(_ values: [Double]) {
        count = values.count
        let mean = values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        self.mean = mean
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
        (least, greatest) = (values.min() ?? 0, values.max() ?? 0)
    }

    /// Of the mean.
    package var standardError: Double { count > 0 ? deviation / Double(count).squareRoot() : 0 }

    /// The mean's 95 % interval by the normal distribution.
    package var interval: Interval {
        Interval(mean - Interval.z * standardError, mean + Interval.z * standardError)
    }
}
