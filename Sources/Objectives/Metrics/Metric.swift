/// One number of `metrics.jsonl`: the mean over judgements, or over what they are made of, of something that a judgement
/// says. A new metric is one value in `all`.
package struct Metric: Sendable {
    /// Which values of a metric are better.
    package enum Direction: Sendable, Equatable { case less, greater, neither }

    /// A judgement with the objective's value on it.
    package struct Judged {
        let input: JudgementInput
        let output: JudgementOutput
        /// The factor of its loss before the mean is taken: not 1 where data files have losses of their own.
        let lossWeight: Double
    }

    /// A judgement's part of the sum, and of what the sum is divided by; nil: nothing of either.
    typealias Share = (sum: Double, count: Double)?

    /// The field's name.
    package let name: String
    package let isBetterWhen: Direction
    /// Whether an objective has it.
    let isOf: @Sendable (Objective) -> Bool
    let of: @Sendable (Judged) -> Share
    /// A second mean that is subtracted from the first.
    let less: (@Sendable (Judged) -> Share)?
    /// The map from the mean to the number that is reported.
    let then: @Sendable (Double) -> Double

    init(
        _ name: String, _ isBetterWhen: Direction, for isOf: @escaping @Sendable (Objective) -> Bool = { _ in true },
        of: @escaping @Sendable (Judged) -> Share, less: (@Sendable (Judged) -> Share)? = nil,
        then: @escaping @Sendable (Double) -> Double = { $0 }
    ) {
        self.name = name
        self.isBetterWhen = isBetterWhen
        self.isOf = isOf
        self.of = of
        self.less = less
        self.then = then
    }

    /// A mean over all preferences of one response to another: for pairs over the pairs.
    static func overPreferences(
        _ name: String, _ isBetterWhen: Direction,
        for isOf: @escaping @Sendable (Objective) -> Bool = { $0.needsRejected },
        _ value: @escaping @Sendable (Judged, Preference) -> Double
    ) -> Metric {
        Metric(name, isBetterWhen, for: isOf) { judged in
            let preferences = judged.input.preferences
            return (preferences.reduce(0) { $0 + value(judged, $1) }, Double(preferences.count))
        }
    }

    /// The metrics of an objective, in the order to print them in.
    package static func of(_ objective: Objective) -> [Metric] { all.filter { $0.isOf(objective) } }
}
