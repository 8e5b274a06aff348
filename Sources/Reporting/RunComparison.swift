import Machine
import Statistics
import Storage

/// The held-out ends of several runs, and how far each is from the first one's.
struct RunComparison {
    private let runs: [RunRecord]

    init(_ runs: [RunRecord]) { self.runs = runs }

    /// Keys whose values aren't the same in all runs, with each run's value.
    var differingKeys: [[String]] {
        var names: [String] = []
        for run in runs { for (key, _) in run.keys where !names.contains(key) { names.append(key) } }
        return names.compactMap { key in
            guard key != "output_dir" else { return nil }
            let values = runs.map { $0[key] ?? "–" }
            return Set(values).count > 1 ? [key] + values : nil
        }
    }

    /// A figure of the newest evaluation's judgements.
    private struct Measure: Sendable {
        let name: String
        let isShare: Bool
        let of: @Sendable (HeldOutJudgement) -> Double?
    }

    private static let measures = [
        Measure(name: "loss", isShare: false, of: { $0.loss }), Measure(name: "accuracy", isShare: true, of: { $0.accuracy }),
        Measure(name: "margin", isShare: false, of: { $0.margin }),
    ]

    private func values(_ run: RunRecord, _ measure: Measure) -> [Double]? {
        let values = run.after.compactMap(measure.of)
        return values.isEmpty || values.count != run.after.count ? nil : values
    }

    /// The unit of a run's losses and margins: those of other constants are other numbers.
    private func kind(_ run: RunRecord) -> String {
        ["loss_type", "beta", "normalise"].map { run[$0] ?? "" }.joined(separator: " ")
    }

    /// The difference from the first run on the same judgements; nil unless they are the same, and of losses and margins
    /// unless they are of one kind.
    private func difference(_ run: RunRecord, _ measure: Measure) -> (mean: Double, interval: Interval)? {
        guard let first = runs.first, let a = values(run, measure), let b = values(first, measure),
            run.after.map(\.row) == first.after.map(\.row), measure.isShare || kind(run) == kind(first)
        else { return nil }
        var random = Resampling()
        return (Sample(zip(a, b).map { $0 - $1 }).mean, Bootstrap.difference(a, b, using: &random))
    }

    private func interval(_ values: [Double], _ measure: Measure) -> Interval {
        if measure.isShare, values.allSatisfy({ $0 == 0 || $0 == 1 }) {
            return .wilson(share: Sample(values).mean, of: values.count)
        }
        var random = Resampling()
        return Bootstrap.mean(of: values, using: &random)
    }

    private func text(_ value: Double, _ measure: Measure) -> String {
        measure.isShare ? fixed(100 * value, 1) + " %" : fixed(value, 4)
    }

    // MARK: - Table

    var note: String {
        "Newest evaluation, with 95 % intervals; Δ: difference from \(runs.first?.name ?? "") judgement by judgement, * where "
            + "its interval leaves out 0."
            + (isOfOneKind ? "" : " Losses and margins of other objectives or constants are other numbers, and have no Δ.")
    }

    private var isOfOneKind: Bool { Set(runs.map(kind)).count == 1 }

    var head: [String] {
        ["run", "steps", "pairs/s"] + Self.measures.flatMap { [$0.name, "Δ \($0.name)"] }
    }

    var rows: [[String]] {
        runs.enumerated().map { place, run in
            let rate = run.manifest["pairs_per_second"]?.double.map { fixed($0, 2) } ?? ""
            return [run.name, "\(run.lastStep)", rate]
                + Self.measures.flatMap { measure -> [String] in
                    guard let values = values(run, measure) else {
                        // Without its judgements a run still has its means.
                        let column = ["loss": "eval_loss", "accuracy": "eval_rewards/accuracies", "margin": "eval_rewards/margins"]
                        let value = run.evaluations.last?[column[measure.name] ?? ""]?.double
                        return [value.map { text($0, measure) } ?? "–", ""]
                    }
                    let interval = interval(values, measure)
                    let mean =
                        "\(text(Sample(values).mean, measure)) (\(text(interval.low, measure)) to \(text(interval.high, measure)))"
                    guard place > 0, let (difference, ends) = difference(run, measure) else { return [mean, ""] }
                    let sign = difference > 0 ? "+" : ""
                    let star = ends.contains(0) ? "" : " *"
                    return [
                        mean,
                        "\(sign)\(text(difference, measure)) (\(text(ends.low, measure)) to \(text(ends.high, measure)))\(star)",
                    ]
                }
        }
    }

    /// Which run has the least held-out loss, or among objectives of several kinds the highest accuracy, and whether that is
    /// more than chance.
    var sentence: String? {
        let measure = Self.measures[isOfOneKind ? 0 : 1]
        let sign = isOfOneKind ? 1.0 : -1.0
        let known = runs.compactMap { run in values(run, measure).map { (run, sign * Sample($0).mean) } }
        guard known.count > 1, let best = known.min(by: { $0.1 < $1.1 }) else { return nil }
        let others = known.filter { $0.0.folder != best.0.folder }
        let isClear = others.allSatisfy { other in
            guard other.0.after.map(\.row) == best.0.after.map(\.row), let a = values(best.0, measure),
                let b = values(other.0, measure)
            else { return false }
            var random = Resampling()
            let difference = Bootstrap.difference(a, b, using: &random)
            return isOfOneKind ? difference.high < 0 : difference.low > 0
        }
        let (most, side) = isOfOneKind ? ("least held-out loss", "below") : ("highest held-out accuracy", "above")
        return "\(best.0.name) has the \(most), \(text(sign * best.1, measure))"
            + (isClear ? ", clearly \(side) each of the others'." : "; at 95 % it isn't \(side) all of the others'.")
            + (isOfOneKind ? "" : " The runs' objectives differ, so their losses are not of one kind.")
    }

    var json: JSON {
        .array(
            runs.map { run in
                var row: JSONObject = ["run": .string(run.name)]
                for measure in Self.measures {
                    guard let values = values(run, measure) else { continue }
                    let interval = interval(values, measure)
                    row[measure.name] = .number(Sample(values).mean)
                    row["\(measure.name)_interval"] = [.number(interval.low), .number(interval.high)]
                    guard run.folder != runs.first?.folder, let (mean, ends) = difference(run, measure) else { continue }
                    row["\(measure.name)_difference"] = .number(mean)
                    row["\(measure.name)_difference_interval"] = [.number(ends.low), .number(ends.high)]
                }
                return .object(row)
            })
    }
}
