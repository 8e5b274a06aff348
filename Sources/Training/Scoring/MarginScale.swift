import Machine
import Preferences
import RunFiles

/// The spread of a margin reward between chosen and rejected responses, and the factor that it is multiplied by. Of the
/// training rows; an evaluation uses the same factor again.
struct MarginScale: Sendable, Equatable {
    let name: String
    /// w_k.
    let weight: Double
    /// Of m(y_w) − m(y_l) over the training pairs, before the factor.
    let mean: Double
    let deviation: Double
    let factor: Double

    /// - Parameter values: m of every response of the set.
    /// - Throws: `TrainingError.input` when the reward has no spread to divide by.
    init(_ reward: MarginReward, values: [Double], of set: PreferenceSet) throws {
        name = reward.name
        weight = reward.weight
        var differences: [Double] = []
        var judged: [Double] = []
        for case .pair(let pair) in set.judgements {
            differences.append(values[pair.chosen] - values[pair.rejected])
            judged += [values[pair.chosen], values[pair.rejected]]
        }
        let count = Double(max(1, differences.count))
        let mean = differences.reduce(0, +) / count
        let deviation = (differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        (self.mean, self.deviation) = (mean, deviation)
        func reciprocal(_ spread: Double, _ what: String) throws -> Double {
            guard spread > 0, spread.isFinite else {
                throw TrainingError.input(
                    "margins.\(reward.name).normalise: the reward's \(what) over the training rows is \(spread), and nothing can "
                        + "be divided by it; leave the reward out, or give a scale")
            }
            return 1 / spread
        }
        factor =
            switch reward.scaling {
            case .factor(let factor): factor
            case .std: try reciprocal(deviation, "standard deviation of chosen minus rejected")
            case .range: try reciprocal((judged.max() ?? 0) - (judged.min() ?? 0), "range")
            }
    }

    /// The spread that the loss sees.
    var scaledDeviation: Double { abs(factor) * deviation }

    /// The multiple of the spread of β · log-ratios that a margin's may be before its weight stops to matter.
    static let most = 5.0

    /// - Parameter spread: the standard deviation of β · Δ over pairs; nil or 0 where none is known, since the policy is the
    ///   reference: it comes to be of order 1 in the papers' runs.
    func lines(beside spread: Double?) -> [String] {
        let known = spread.flatMap { $0 > 0 ? $0 : nil }
        let scale = factor == 1 ? "" : ", × \(factor) = sd \(fixed(scaledDeviation, 3))"
        let beside =
            known.map { "β × the log-ratios' spread \(fixed($0, 3))" }
            ?? "β × the log-ratios, which come to be of order 1"
        var lines = [
            "margin reward \(name): chosen minus rejected mean \(fixed(mean, 3)), sd \(fixed(deviation, 3))\(scale), beside \(beside)"
        ]
        if scaledDeviation > Self.most * (known ?? 1) {
            lines.append(
                "warning: margin reward \(name) spreads \(fixed(scaledDeviation / (known ?? 1), 1)) times as far as that, so its "
                    + "weight \(weight) will hardly matter; set margins.\(name).normalise: std")
        }
        return lines
    }
}
