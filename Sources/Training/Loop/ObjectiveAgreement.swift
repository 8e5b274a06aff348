import Objectives
import Preferences

/// The agreement of a policy's implicit rewards with each objective of a run with margin rewards, over pairs.
///
/// For the objective NAME, `objectives/NAME/accuracy` is the share of pairs, among those that its margin reward tells apart,
/// whose implicit reward is greater for the response with the greater margin reward; `objectives/NAME/mean` the mean over
/// the same pairs of that difference of implicit rewards. For the trained preference both are of chosen and rejected.
struct ObjectiveAgreement {
    private let margins: [(name: String, values: [Double])]
    private var sums: [(agreeing: Double, difference: Double, pairs: Double)]
    private var differences: [Double] = []

    init(_ margins: [(name: String, values: [Double])]) {
        self.margins = margins
        sums = margins.map { _ in (0, 0, 0) }
    }

    mutating func add(_ judgement: Judgement, _ output: JudgementOutput) {
        guard !margins.isEmpty, case .pair(let pair) = judgement else { return }
        let difference = output.rewards[0] - output.rewards[1]
        differences.append(difference)
        let resolution = output.resolutions[0] + output.resolutions[1]
        for (place, margin) in margins.enumerated() {
            let preferred = margin.values[pair.chosen] - margin.values[pair.rejected]
            guard preferred != 0 else { continue }
            let along = preferred > 0 ? difference : -difference
            sums[place].pairs += 1
            sums[place].difference += along
            if along > resolution { sums[place].agreeing += 1 }
        }
    }

    /// - Parameter metrics: of the same pairs.
    func values(preference: String?, _ metrics: Metrics) -> [(name: String, value: Double)] {
        guard let preference, !margins.isEmpty || metrics["rewards/combined_margins"] != nil else { return [] }
        var values: [(name: String, value: Double)] = []
        if let accuracy = metrics["rewards/accuracies"], let mean = metrics["rewards/margins"] {
            values += [("objectives/\(preference)/accuracy", accuracy), ("objectives/\(preference)/mean", mean)]
        }
        for (margin, sum) in zip(margins, sums) where sum.pairs > 0 && margin.name != preference {
            values += [
                ("objectives/\(margin.name)/accuracy", sum.agreeing / sum.pairs),
                ("objectives/\(margin.name)/mean", sum.difference / sum.pairs),
            ]
        }
        return values
    }

    /// Standard deviation of the differences; 0 without margin rewards.
    var spread: Double {
        let count = Double(max(1, differences.count))
        let mean = differences.reduce(0, +) / count
        return (differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    }
}
