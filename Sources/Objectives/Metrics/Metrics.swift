/// Sums over judgements and the metrics made of them, under the field's names (`Metric.all`).
///
/// Every metric is a sum divided by a count: never a mean of means. Sums are taken in double precision in the order of
/// `add`, so ranks that add the same judgements in the same order (the step's) report the same bits, whatever rank
/// computed a judgement. Keep adding over several steps for the mean of all their judgements.
package struct Metrics: Sendable {
    private let metrics: [Metric]
    /// Of each metric: what is summed and what it is divided by.
    private var sums: [Sum]
    /// Of each metric's second mean.
    private var subtracted: [Sum]

    /// Counts are kept as doubles: they divide like the other sums and are exact to 2⁵³.
    private struct Sum: Sendable {
        var value = 0.0
        var count = 0.0
        var mean: Double? { count > 0 ? value / count : nil }

        mutating func add(_ share: Metric.Share) {
            guard let share else { return }
            value += share.sum
            count += share.count
        }
    }

    /// Judgements added so far.
    package private(set) var judgements = 0

    package init(of objective: Objective) {
        metrics = Metric.of(objective)
        sums = metrics.map { _ in Sum() }
        subtracted = sums
    }

    /// - Parameter lossWeight: of the judgement's loss, where data files have losses of their own.
    package mutating func add(_ input: JudgementInput, _ output: JudgementOutput, lossWeight: Double = 1) {
        judgements += 1
        let judged = Metric.Judged(input: input, output: output, lossWeight: lossWeight)
        for (place, metric) in metrics.enumerated() {
            sums[place].add(metric.of(judged))
            if let less = metric.less { subtracted[place].add(less(judged)) }
        }
    }

    /// Names and values in the order to print them. A metric of which nothing was added isn't there.
    package var values: [(name: String, value: Double)] {
        metrics.enumerated().compactMap { place, metric in
            guard let mean = sums[place].mean else { return nil }
            guard metric.less != nil else { return (metric.name, metric.then(mean)) }
            return subtracted[place].mean.map { (metric.name, metric.then(mean - $0)) }
        }
    }

    /// One value by name, for the progress line and `metric_for_best_model`.
    package subscript(name: String) -> Double? {
        values.first { $0.name == name }?.value
    }
}
