import Figures
import Machine
import Statistics

/// Held-out judgements one by one, before the first step and at the newest evaluation.
struct HeldOutFigures {
    private let run: RunRecord

    init(_ run: RunRecord) { self.run = run }

    var all: [Figure] { [margins, lengths, byLength, HeldOutSources(run.after).figure].compactMap { $0 } }

    private var margins: Figure? {
        let (before, after) = (run.before.compactMap(\.margin), run.after.compactMap(\.margin))
        guard !after.isEmpty else { return nil }
        // Before the first step all margins to the own reference are 0 but for rounding: a bar as high as all pairs.
        let isFlat = (before.map { abs($0) }.max() ?? 0) < 1e-3 * (after.map { abs($0) }.max() ?? 1)
        let edges = Histogram.edges(of: isFlat ? [after, [0]] : [before, after])
        var figure = Figure(
            "Held-out margins",
            note: isFlat && !before.isEmpty ? "Before the first step all margins are 0: the policy was its reference." : "",
            x: Axis("chosen − rejected reward"), y: Axis("judgements", including: [0]))
        figure.size = .inPage
        if !isFlat { figure.histogram("before", edges: edges, counts: Histogram.counts(of: before, edges: edges), colour: 7) }
        figure.histogram("after", edges: edges, counts: Histogram.counts(of: after, edges: edges), colour: 0)
        figure.moments("no margin", [0])
        return figure
    }

    private var lengths: Figure? {
        let judged = run.after.compactMap { row in
            row.lengths.flatMap { lengths in row.margin.map { (x: Double(lengths.chosen - lengths.rejected), y: $0, row.row) } }
        }
        guard judged.count > 2 else { return nil }
        let correlation = RankCorrelation(judged.map(\.x), judged.map(\.y))
        var note = ""
        if let rho = correlation.rho, let interval = correlation.interval {
            note = "Spearman's ρ \(fixed(rho, 2)) (\(fixed(interval.low, 2)) to \(fixed(interval.high, 2)))"
        }
        let most = 800
        let step = max(1, (judged.count + most - 1) / most)
        if step > 1 { note += (note.isEmpty ? "" : "; ") + "every \(step)th of \(judged.count) judgements is drawn" }
        var figure = Figure(
            "Margin against length", note: note.isEmpty ? "" : note + ".", x: Axis("chosen − rejected tokens"),
            y: Axis("margin"))
        figure.size = .inPage
        figure.points(
            "", stride(from: 0, to: judged.count, by: step).map {
                DataPoint(judged[$0].x, judged[$0].y, note: "row \(judged[$0].2)")
            }, colour: 0)
        figure.level("no margin", 0)
        return figure
    }

    /// Accuracy in four groups of as many judgements each.
    private var byLength: Figure? {
        let judged = run.after.compactMap { row in row.accuracy.map { (length: row.length, accuracy: $0) } }
            .sorted { $0.length < $1.length }
        guard judged.count >= 8 else { return nil }
        var groups: [(name: String, accuracies: [Double])] = []
        var first = 0
        for part in 1...4 {
            var end = part * judged.count / 4
            // What is of one length stays together.
            while end < judged.count, end > 0, judged[end].length == judged[end - 1].length { end += 1 }
            guard end > first else { continue }
            let group = judged[first..<end]
            let (low, high) = (group.first?.length ?? 0, group.last?.length ?? 0)
            groups.append((low == high ? "\(low)" : "\(low)–\(high)", group.map(\.accuracy)))
            first = end
        }
        var figure = Figure(
            "Accuracy by length", note: "By the longer response; bars are Wilson's 95 % intervals.",
            x: Axis("tokens", .categories(groups.map(\.name))), y: Axis("ranked rightly (%)", range: 0...100))
        figure.size = .inPage
        figure.points(
            "",
            groups.enumerated().map { place, group in
                let share = Sample(group.accuracies).mean
                let interval = Interval.wilson(share: share, of: group.accuracies.count)
                return DataPoint(
                    Double(place), 100 * share, yError: 100 * interval.low...100 * max(interval.low, interval.high),
                    note: "\(group.accuracies.count) judgements")
            }, colour: 0)
        figure.level("a coin's", 50)
        return figure
    }
}
