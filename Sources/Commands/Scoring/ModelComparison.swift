import Machine
import Objectives
import Statistics
import Storage
import Training

/// Several models on the same held-out judgements: each one's means with 95 % intervals, and how far each is from the first
/// one, judgement by judgement.
package struct ModelComparison {
    /// A figure that each judgement has.
    private struct Measure {
        let name: String
        /// Shown as a percentage.
        let isShare: Bool
        /// By model, by judgement.
        let values: [[Double]]
    }

    private let models: [String]
    private let measures: [Measure]
    /// Whether all were asked about the same rows.
    private let isPaired: Bool
    private let count: Int

    package init(_ found: [EvaluationJob.Found], by objective: Objective) {
        models = found.map(\.model)
        let verdicts = found.map { $0.result.verdicts(by: objective) }
        count = verdicts.first?.count ?? 0
        isPaired = verdicts.allSatisfy { rows in
            rows.map { $0["index"]?.integer } == verdicts[0].map { $0["index"]?.integer }
        }
        measures = [("loss", false), ("accuracy", true), ("margin", false)].compactMap { name, isShare in
            let values = verdicts.map { rows in rows.compactMap { $0[name]?.double } }
            let isWhole = zip(values, verdicts).allSatisfy { $0.count == $1.count && !$0.isEmpty }
            return isWhole ? Measure(name: name, isShare: isShare, values: values) : nil
        }
    }

    /// A share's interval is Wilson's where each judgement is right or wrong, any other mean's is drawn.
    private func interval(_ measure: Measure, _ values: [Double]) -> Interval {
        if measure.isShare, values.allSatisfy({ $0 == 0 || $0 == 1 }) {
            return .wilson(share: Sample(values).mean, of: values.count)
        }
        var random = Resampling()
        return Bootstrap.mean(of: values, using: &random)
    }

    private func difference(_ measure: Measure, _ model: Int) -> (mean: Double, interval: Interval) {
        var random = Resampling()
        let (values, first) = (measure.values[model], measure.values[0])
        return (
            Sample(zip(values, first).map { $0 - $1 }).mean, Bootstrap.difference(values, first, using: &random)
        )
    }

    // MARK: - For programs

    /// Means, intervals and differences by model.
    package var json: JSONObject {
        let rows = models.indices.map { model -> JSON in
            var row: JSONObject = ["model": .string(models[model])]
            for measure in measures {
                let interval = interval(measure, measure.values[model])
                row[measure.name] = .number(Sample(measure.values[model]).mean)
                row["\(measure.name)_interval"] = [.number(interval.low), .number(interval.high)]
                guard model > 0, isPaired else { continue }
                let difference = difference(measure, model)
                row["\(measure.name)_difference"] = .number(difference.mean)
                row["\(measure.name)_difference_interval"] = [
                    .number(difference.interval.low), .number(difference.interval.high),
                ]
            }
            return .object(row)
        }
        return ["judgements": .integer(count), "compared_with": .string(models.first ?? ""), "models": .array(rows)]
    }

    // MARK: - For people

    package var lines: [String] {
        let width = models.map(\.count).max() ?? 5
        func text(_ value: Double, _ measure: Measure) -> String {
            measure.isShare ? fixed(100 * value, 1) : fixed(value, 4)
        }
        func cell(_ mean: Double, _ interval: Interval, _ measure: Measure, sign: Bool = false) -> String {
            let plus = sign && mean > 0 ? "+" : ""
            return "\(plus)\(text(mean, measure)) (\(text(interval.low, measure)) to \(text(interval.high, measure)))"
        }
        func title(_ measure: Measure) -> String { measure.name + (measure.isShare ? ", %" : "") }
        let cells = 30
        var lines = ["\(count) judgements; in brackets 95 % intervals"]
        lines.append(pad("model", width) + measures.map { "  " + pad(title($0), cells) }.joined())
        for model in models.indices {
            lines.append(
                pad(models[model], width)
                    + measures.map {
                        "  " + pad(cell(Sample($0.values[model]).mean, interval($0, $0.values[model]), $0), cells)
                    }.joined())
        }
        guard models.count > 1 else { return lines }
        guard isPaired else {
            return lines + ["the models were asked about different rows, so no differences judgement by judgement"]
        }
        lines.append("difference from \(models[0]), judgement by judgement")
        for model in models.indices.dropFirst() {
            lines.append(
                pad(models[model], width)
                    + measures.map { measure in
                        let (mean, interval) = difference(measure, model)
                        let isSure = !interval.contains(0)
                        return "  " + pad(cell(mean, interval, measure, sign: true) + (isSure ? " *" : ""), cells)
                    }.joined())
        }
        return lines + ["* the interval leaves out 0"]
    }
}
