import Glibc

/// A quantity along an axis, and its scale.
package struct Axis: Sendable {
    /// The maps from values to places along the axis.
    package enum Scale: Sendable, Equatable {
        case linear
        /// Powers of ten at equal distances; numbers up to zero are left out.
        case logarithmic
        /// Names at 0, 1, 2 …
        case categories([String])
    }

    /// With its unit.
    package var title: String
    package var scale: Scale
    /// From one end to the other; nil: what the marks need.
    package var range: ClosedRange<Double>?
    /// Numbers that are in view in any case, such as 0.
    package var including: [Double]

    package init(
        _ title: String, _ scale: Scale = .linear, range: ClosedRange<Double>? = nil, including: [Double] = []
    ) {
        (self.title, self.scale, self.range, self.including) = (title, scale, range, including)
    }

    /// The ends of the axis.
    ///
    /// - Parameter margin: the part of its length that is left free on both sides.
    func extent(of values: [Double], margin: Double) -> ClosedRange<Double> {
        switch scale {
        case .categories(let names): return -0.5...max(0.5, Double(names.count) - 0.5)
        case .linear:
            if let range, range.upperBound > range.lowerBound { return range }
            let values = values + including
            var (low, high) = (values.min() ?? 0, values.max() ?? 1)
            if low == high {
                let reach = low == low.rounded() ? 1 : abs(low) / 10
                (low, high) = (low - reach, high + reach)
            }
            let room = margin * (high - low)
            // Zero as the end of what can't be negative stays the end.
            return (low == 0 ? 0 : low - room)...(high == 0 && low < 0 ? 0 : high + room)
        case .logarithmic:
            if let range, range.lowerBound > 0, range.upperBound > range.lowerBound { return range }
            let values = (values + including).filter { $0 > 0 }
            var (low, high) = (values.min() ?? 1, values.max() ?? 10)
            if low == high { (low, high) = (low / 2, high * 2) }
            let room = pow(high / low, margin)
            return (low / room)...(high * room)
        }
    }
}

/// The map from an axis's numbers to places in the picture.
struct AxisMap {
    let extent: ClosedRange<Double>
    let isLogarithmic: Bool
    /// Pixels of the lower and of the upper end.
    let from: Double
    let to: Double

    /// The pixel of a number; nil where the axis has none.
    func callAsFunction(_ value: Double) -> Double? {
        guard value.isFinite, !isLogarithmic || value > 0 else { return nil }
        let (low, high) = (extent.lowerBound, extent.upperBound)
        let share = isLogarithmic ? log(value / low) / log(high / low) : (value - low) / (high - low)
        return from + share * (to - from)
    }

    /// The number at a pixel.
    func value(at pixel: Double) -> Double {
        let share = (pixel - from) / (to - from)
        let (low, high) = (extent.lowerBound, extent.upperBound)
        return isLogarithmic ? low * pow(high / low, share) : low + share * (high - low)
    }
}
