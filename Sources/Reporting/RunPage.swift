import Figures
import Machine
import Storage

/// The page of one run.
struct RunPage {
    let html: String

    init(_ run: RunRecord, beside other: [FolderFigures.Block] = []) {
        let verdict = RunVerdict(run)
        var head = Page.paragraph(verdict.sentence, class: "verdict")
        if !verdict.warnings.isEmpty {
            head += "<ul class=\"warnings\" aria-label=\"warnings\">"
                + verdict.warnings.map { "<li>\(Markup.escaped($0))</li>" }.joined() + "</ul>\n"
        }
        head += Page.paragraph(Self.facts(run), class: "pale")
        var page = Page(title: run.name, head: head)
        page.add("held-out", "Held-out", Self.metrics(run) + Self.sources(run) + Page.figures(HeldOutFigures(run).all))
        page.add("curves", "Curves", Page.figures(RunFigures(run).all))
        page.add("pairs", "Most wrong and most right", ExtremeSection(run).html)
        page.add("samples", "Samples", SampleSection(run).html)
        page.add("data", "Data", DataSection(run).html)
        page.add("time", "Time and memory", TimeSection(run).html)
        page.add("attempts", "Attempts", TimeSection(run).attempts)
        page.add("figures", "Figures in the folder", other.map(\.html).joined())
        page.add("keys", "Run file", Page.table(["key", "value"], run.keys.map { [$0.key, $0.value] }))
        html = page.html
    }

    /// In a line: the objective, the size, the time.
    private static func facts(_ run: RunRecord) -> String {
        var parts: [String] = []
        if let objective = run["loss_type"] { parts.append("loss_type \(objective)") }
        if let beta = run["beta"] { parts.append("beta \(beta)") }
        parts.append("\(grouped(run.lastStep)) steps" + (run.totalSteps.map { $0 == run.lastStep ? "" : " of \(grouped($0))" } ?? ""))
        if let pairs = run.manifest["global_batch_size"]?.integer { parts.append("\(pairs) pairs a step") }
        if let seconds = run.manifest["seconds"]?.double { parts.append(readableDuration(seconds)) }
        if let rate = run.manifest["pairs_per_second"]?.double { parts.append("\(fixed(rate, 2)) pairs/s") }
        if let rate = run.manifest["tokens_per_second"]?.double { parts.append("\(grouped(Int(rate))) tokens/s") }
        if let version = run.manifest["version"]?.string { parts.append("swift-prefopt \(version)") }
        return parts.joined(separator: " · ")
    }

    private static func sources(_ run: RunRecord) -> String {
        let (head, rows) = HeldOutSources(run.after).table
        return Page.table(head, rows, numbers: Set(1..<max(2, head.count)), caption: "By source")
    }

    private static func metrics(_ run: RunRecord) -> String {
        let rows = MetricTable(run).rows.map { row in
            [
                row.name, row.before.map { row.text($0) } ?? "–", row.text(row.after),
                row.interval.map { "\(row.text($0.low)) to \(row.text($0.high))" } ?? "",
                row.difference.map { "\(row.text($0.low)) to \(row.text($0.high))" } ?? "",
            ]
        }
        let head = ["metric", "before", "after", "95 % interval", "of after − before"]
        // Without judgements there are no intervals.
        let columns = head.indices.filter { column in column < 3 || rows.contains { !$0[column].isEmpty } }
        return Page.table(
            columns.map { head[$0] }, rows.map { row in columns.map { row[$0] } }, numbers: [1, 2, 3, 4],
            caption: "Held-out judgements: \(run.after.count > 0 ? run.after.count : run.evaluations.last?["eval_pairs"]?.integer ?? 0)")
    }
}
