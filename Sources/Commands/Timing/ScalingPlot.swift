import Figures
import Machine

/// Speed-up over ranks as a figure: every trial a dot, the fastest of each number of ranks joined, and the line that perfect
/// scaling would be.
struct ScalingPlot {
    let figure: Figure

    init(_ report: ScalingReport) {
        let ranks = Set(report.rows.map(\.trial.ranks)).sorted()
        let most = Double(ranks.last ?? 1)
        var figure = Figure(
            "Speed-up of a step of \(report.pairs) pairs",
            note: "Against one rank's fastest. Labels: efficiency, and micro-batches of a rank.",
            x: Axis("ranks", range: 0...most * 1.12), y: Axis("speed-up", including: [0, most]))
        figure.line("perfect scaling", [(0, 0), (most, most)], .dashed, colour: 7)
        let slower = report.rows.filter { row in
            !report.fastest.contains { $0.trial.ranks == row.trial.ranks && $0.speedUp == row.speedUp }
        }
        if !slower.isEmpty {
            figure.points("other micro-batches", slower.map { Self.point($0, label: nil) }, colour: 1)
        }
        figure.points(
            "fastest of these ranks",
            report.fastest.map { row in
                Self.point(row, label: "\(fixed(100 * row.efficiency, 0)) %, \(row.trial.accumulation)")
            }, joined: true, colour: 0)
        self.figure = figure
    }

    private static func point(_ row: ScalingReport.Row, label: String?) -> DataPoint {
        let trial = row.trial
        return DataPoint(
            Double(trial.ranks), row.speedUp, label: label,
            note: "\(fixed(trial.stepSeconds, 3)) s a step, \(trial.accumulation) micro-batches a rank, "
                + "efficiency \(fixed(100 * row.efficiency, 1)) %")
    }
}
