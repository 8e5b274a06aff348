import Figures
import Machine
import Statistics
import Storage

/// The held-out judgements of each source at the newest evaluation; nothing for rows of one source.
struct HeldOutSources {
    struct Row {
        let name: String
        let judgements: Int
        let loss: Double
        let accuracy: (share: Double, interval: Interval)?
        let margin: Sample?
    }

    /// The largest first, what further ones there are and rows without a source together at the end.
    let rows: [Row]
    private static let most = 12

    init(_ judgements: [HeldOutJudgement]) {
        var groups: [String: [HeldOutJudgement]] = [:]
        for judgement in judgements { groups[judgement.source ?? "", default: []].append(judgement) }
        guard groups.count > 1 else {
            rows = []
            return
        }
        var rest = groups.removeValue(forKey: "") ?? []
        let order = groups.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        rest += order.dropFirst(Self.most).flatMap(\.value)
        rows =
            order.prefix(Self.most).map { Self.row($0.key, $0.value) } + (rest.isEmpty ? [] : [Self.row("others", rest)])
    }

    private static func row(_ name: String, _ judgements: [HeldOutJudgement]) -> Row {
        let accuracies = judgements.compactMap(\.accuracy)
        let share = Sample(accuracies).mean
        let margins = judgements.compactMap(\.margin)
        return Row(
            name: name, judgements: judgements.count, loss: Sample(judgements.map(\.loss)).mean,
            accuracy: accuracies.isEmpty ? nil : (share, .wilson(share: share, of: accuracies.count)),
            margin: margins.isEmpty ? nil : Sample(margins))
    }

    // MARK: - How it is told

    /// Heads and cells, without the columns that the objective has nothing for.
    var table: (head: [String], rows: [[String]]) {
        let cells = rows.map { row in
            [
                row.name, "\(row.judgements)", fixed(row.loss, 4), row.accuracy.map { RunVerdict.percent($0.share) } ?? "",
                row.accuracy.map { "\(RunVerdict.percent($0.interval.low)) to \(RunVerdict.percent($0.interval.high))" } ?? "",
                row.margin.map { "\(fixed($0.mean, 4)) ± \(fixed(Interval.z * $0.standardError, 4))" } ?? "",
            ]
        }
        let head = ["source", "judgements", "loss", "accuracy", "95 % interval", "margin"]
        let columns = head.indices.filter { column in cells.contains { !$0[column].isEmpty } }
        return (columns.map { head[$0] }, cells.map { row in columns.map { row[$0] } })
    }

    var figure: Figure? {
        let judged = rows.compactMap { row in row.accuracy.map { (row, $0) } }
        guard judged.count > 1 else { return nil }
        var figure = Figure(
            "Accuracy by source", note: "Bars are Wilson's 95 % intervals.", x: Axis("ranked rightly (%)", range: 0...100),
            y: Axis("", .categories(judged.map(\.0.name))))
        figure.size = .inPage
        figure.points(
            "",
            judged.enumerated().map { place, group in
                let (row, accuracy) = group
                return DataPoint(
                    100 * accuracy.share, Double(place),
                    xError: 100 * accuracy.interval.low...100 * max(accuracy.interval.low, accuracy.interval.high),
                    note: "\(row.judgements) judgements")
            }, colour: 0)
        figure.moments("a coin's", [50])
        return figure
    }

    var json: JSON {
        .array(
            rows.map { row in
                var object: JSONObject = [
                    "source": .string(row.name), "judgements": .integer(row.judgements), "loss": .number(row.loss),
                ]
                object["accuracy"] = row.accuracy.map { .number($0.share) }
                object["accuracy_interval"] = row.accuracy.map { [.number($0.interval.low), .number($0.interval.high)] }
                object["margin"] = row.margin.map { .number($0.mean) }
                object["margin_standard_error"] = row.margin.map { .number($0.standardError) }
                return .object(object)
            })
    }
}
