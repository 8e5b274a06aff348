import Machine
import Statistics
import Storage

/// A run's held-out figures before the first step and at the newest evaluation, with intervals of the judgement-wise
/// difference where the judgements are known.
struct MetricTable {
    struct Row {
        let name: String
        let before: Double?
        let after: Double
        let interval: Interval?
        /// Of after − before.
        let difference: Interval?
        let isShare: Bool

        func text(_ value: Double) -> String { isShare ? RunVerdict.percent(value) : fixed(value, 4) }
    }

    let rows: [Row]

    init(_ run: RunRecord) {
        guard let last = run.evaluations.last(where: { $0["eval_loss"] != nil }) else {
            rows = []
            return
        }
        let first = run.evaluations.first { $0["step"]?.integer == 0 }
        let isPaired = !run.before.isEmpty && run.before.count == run.after.count
        // Nothing is ranked rightly or wrongly where all rewards tie.
        let allTieBefore = first?["eval_ties"]?.double == 1
        rows = last.members.compactMap { name, value in
            guard name.hasPrefix("eval_"), let after = value.double,
                !["eval_pairs", "eval_seconds"].contains(name), !name.hasPrefix("eval_sample")
            else { return nil }
            let plain = String(name.dropFirst(5))
            let measure: ((HeldOutJudgement) -> Double?)? =
                switch plain {
                case "loss": { $0.loss }
                case "rewards/margins": { $0.margin }
                case "rewards/accuracies": { $0.accuracy }
                default: nil
                }
            let isShare = plain.hasSuffix("accuracies") || plain == "ties" || plain.hasSuffix("accuracy")
            var (interval, difference): (Interval?, Interval?) = (nil, nil)
            if let measure {
                let values = run.after.compactMap(measure)
                if !values.isEmpty {
                    var random = Resampling()
                    let isBinary = isShare && values.allSatisfy { $0 == 0 || $0 == 1 }
                    interval =
                        isBinary
                        ? .wilson(share: Sample(values).mean, of: values.count) : Bootstrap.mean(of: values, using: &random)
                    let before = run.before.compactMap(measure)
                    if isPaired, before.count == values.count, !(isShare && allTieBefore) {
                        random = Resampling()
                        difference = Bootstrap.difference(values, before, using: &random)
                    }
                }
            }
            let isMute = plain == "rewards/accuracies" && allTieBefore
            return Row(
                name: plain, before: isMute ? nil : first?[name]?.double, after: after, interval: interval, difference: difference,
                isShare: isShare)
        }
    }

    var json: JSON {
        var object = JSONObject()
        func pair(_ interval: Interval?) -> JSON? { interval.map { [.number($0.low), .number($0.high)] } }
        for row in rows {
            var cell: JSONObject = ["after": .number(row.after)]
            cell["before"] = row.before.map { .number($0) }
            cell["interval"] = pair(row.interval)
            cell["difference_interval"] = pair(row.difference)
            object[row.name] = .object(cell)
        }
        return .object(object)
    }
}
