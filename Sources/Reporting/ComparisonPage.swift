import Figures
import Machine
import Statistics
import Storage

/// Several runs side by side: what differs in their settings, their curves over each other, their held-out figures with
/// differences judgement by judgement.
struct ComparisonPage {
    let html: String

    init(_ runs: [RunRecord], folders: [(name: String, figures: FolderFigures)]) {
        let comparison = RunComparison(runs)
        var page = Page(
            title: runs.isEmpty ? folders.map(\.name).joined(separator: ", ") : "\(runs.count) runs",
            head: comparison.sentence.map { Page.paragraph($0, class: "verdict") } ?? "")
        page.add(
            "results", "Held-out",
            Page.table(comparison.head, comparison.rows, numbers: Set(1..<max(2, comparison.head.count)), caption: comparison.note))
        page.add("differences", "Keys that differ", Page.table(["key"] + runs.map(\.name), comparison.differingKeys))
        page.add("curves", "Curves", Page.figures(Self.curves(runs)))
        for (name, figures) in folders {
            page.add("folder-\(folders.firstIndex { $0.name == name } ?? 0)", name, figures.blocks.map(\.html).joined())
        }
        html = page.html
    }

    private static func curves(_ runs: [RunRecord]) -> [Figure] {
        let train: [(title: String, column: String, axis: String)] = [
            ("Training loss", "loss", "loss"), ("Training margin", "rewards/margins", "chosen − rejected"),
            ("Training accuracy", "rewards/accuracies", "share ranked rightly"), ("Gradient norm", "grad_norm", "norm"),
            ("Learning rate", "learning_rate", "learning rate"),
        ]
        let held: [(title: String, column: String, axis: String)] = [
            ("Held-out loss", "eval_loss", "loss"), ("Held-out margin", "eval_rewards/margins", "chosen − rejected"),
            ("Held-out accuracy", "eval_rewards/accuracies", "share ranked rightly"),
            ("Held-out logps of chosen", "eval_logps/chosen", "nats a response"),
        ]
        var figures: [Figure] = []
        for (title, column, axis) in held {
            var figure = Figure(title, x: Axis("step"), y: Axis(axis))
            figure.size = .inPage
            for (colour, run) in runs.enumerated() {
                let points = run.evaluations.compactMap { row -> (x: Double, y: Double)? in
                    guard let step = row["step"]?.integer, let value = row[column]?.double else { return nil }
                    return (Double(step), value)
                }
                if !points.isEmpty { figure.line(run.name, points, .dotted, colour: colour) }
            }
            if !figure.isEmpty { figures.append(figure) }
        }
        for (title, column, axis) in train {
            let isSmooth = column != "learning_rate"
            var figure = Figure(
                title, note: isSmooth ? "Means over a thirtieth of a run's rows." : "", x: Axis("step"), y: Axis(axis))
            figure.size = .inPage
            for (colour, run) in runs.enumerated() {
                guard let points = run.steps.points(column) else { continue }
                let window = isSmooth ? suitableWindow(for: points.count) : 1
                figure.line(run.name, smoothed(points, window: window), colour: colour)
            }
            if !figure.isEmpty { figures.append(figure) }
        }
        return figures
    }
}
