import Machine

/// Mean with its standard error, deviation, least and greatest of some numbers.
struct Statistics {
    let count: Int
    let mean: Double
    let deviation: Double
    let least: Double
    let greatest: Double

    init(_ values: [Double]) {
        count = values.count
        let mean = values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        self.mean = mean
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
        (least, greatest) = (values.min() ?? 0, values.max() ?? 0)
    }

    var standardError: Double { count > 0 ? deviation / Double(count).squareRoot() : 0 }

    var text: String {
        "mean \(fixed(mean, 4)) ± \(fixed(standardError, 4)), deviation \(fixed(deviation, 4)), from \(fixed(least, 4)) to "
            + fixed(greatest, 4)
    }
}
