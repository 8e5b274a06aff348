import Glibc

/// The numbers that an axis names.
struct Ticks {
    let marks: [(value: Double, label: String)]

    /// At most some ticks over an axis.
    init(_ axis: Axis, over extent: ClosedRange<Double>, atMost count: Int) {
        switch axis.scale {
        case .categories(let names): marks = names.enumerated().map { (Double($0.offset), $0.element) }
        case .linear: marks = Self.linear(extent, atMost: max(2, count))
        case .logarithmic: marks = Self.logarithmic(extent, atMost: max(2, count))
        }
    }

    /// Multiples of 1, 2, 2.5 or 5 times a power of ten.
    private static func linear(_ extent: ClosedRange<Double>, atMost count: Int) -> [(value: Double, label: String)] {
        let (low, high) = (extent.lowerBound, extent.upperBound)
        let power = Int(floor(log10((high - low) / Double(count))))
        for exponent in power...(power + 2) {
            for factor in [1, 2, 2.5, 5] {
                let step = factor * pow(10, Double(exponent))
                let (first, last) = (ceil(low / step - 1e-9), floor(high / step + 1e-9))
                guard last - first + 1 <= Double(count) else { continue }
                let decimals = max(0, factor == 2.5 ? 1 - exponent : -exponent)
                return stride(from: first, through: last, by: 1).map {
                    ($0 * step, NumberText.tick($0 * step, step: step, decimals: decimals, greatest: max(abs(low), abs(high))))
                }
            }
        }
        return []
    }

    /// Powers of ten, every nth of them if there are many, with their doubles and fivefolds if there are few.
    private static func logarithmic(
        _ extent: ClosedRange<Double>, atMost count: Int
    ) -> [(value: Double, label: String)] {
        let (low, high) = (log10(extent.lowerBound), log10(extent.upperBound))
        if high - low < 0.7 { return linear(extent, atMost: count) }
        let (first, last) = (Int(floor(low)), Int(ceil(high)))
        for factors: [Double] in [[1, 2, 5], [1, 3], [1]] {
            var values: [Double] = []
            for power in first...last {
                for factor in factors {
                    let value = factor * pow(10, Double(power))
                    if value >= extent.lowerBound * 0.999, value <= extent.upperBound * 1.001 { values.append(value) }
                }
            }
            if values.count <= count, values.count >= 2 { return values.map { ($0, NumberText.short($0)) } }
        }
        let every = max(1, Int((Double(last - first + 1) / Double(count)).rounded(.up)))
        return stride(from: first, through: last, by: every).map { pow(10, Double($0)) }
            .filter { extent.contains($0) }.map { ($0, NumberText.short($0)) }
    }
}
