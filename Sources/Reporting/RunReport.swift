import Figures
import Machine
import Statistics
import Storage

/// A report on folders of runs, sweeps and studies: as a page, as lines, as JSON.
package struct RunReport {
    private let runs: [RunRecord]
    private let folders: [(name: String, figures: FolderFigures)]

    /// Reads the folders.
    /// - Throws: `ReportError` for a folder with nothing to report, `StorageError`.
    package init(_ paths: [String]) throws {
        var runs: [RunRecord] = []
        var folders: [(name: String, figures: FolderFigures)] = []
        for path in paths {
            if FolderFigures.isThere(in: path) {
                folders.append((FileSystem.name(of: FileSystem.resolved(path)), try FolderFigures(folder: path)))
                // The runs of a sweep, if they lie in it.
                if !RunRecord.isRun(path) {
                    for name in try FileSystem.list(path) where RunRecord.isRun(FileSystem.join(path, name)) {
                        if runs.count < Self.mostRuns { runs.append(try RunRecord(folder: FileSystem.join(path, name))) }
                    }
                    continue
                }
            }
            runs.append(try RunRecord(folder: path))
        }
        // Runs of one name are told apart by their folders.
        let names = runs.map(\.name)
        for place in runs.indices where names.count(where: { $0 == names[place] }) > 1 { runs[place].name = runs[place].folder }
        (self.runs, self.folders) = (runs, folders)
    }

    /// More curves over each other say nothing.
    private static let mostRuns = 24

    /// A page that needs nothing beside it.
    package var html: String {
        if runs.count == 1, folders.isEmpty { return RunPage(runs[0]).html }
        if runs.count == 1, let own = folders.first { return RunPage(runs[0], beside: own.figures.blocks).html }
        return ComparisonPage(runs, folders: folders).html
    }

    // MARK: - For the terminal

    package var lines: [String] {
        var lines: [String] = []
        if runs.count > 1 {
            let comparison = RunComparison(runs)
            if let sentence = comparison.sentence { lines.append(sentence) }
            lines += Self.columns([comparison.head] + comparison.rows) + [comparison.note]
            let keys = comparison.differingKeys
            if !keys.isEmpty { lines += ["keys that differ"] + Self.columns([[""] + runs.map(\.name)] + keys).map { "  " + $0 } }
        } else {
            for run in runs { lines += Self.lines(of: run) }
        }
        for (name, figures) in folders {
            for (file, rows) in figures.rows { lines.append("\(name)/\(file): \(rows.count) rows") }
        }
        return lines
    }

    private static func lines(of run: RunRecord) -> [String] {
        let verdict = RunVerdict(run)
        var lines = ["\(run.name): \(verdict.sentence)"] + verdict.warnings.map { "  ! \($0)" }
        let rows = MetricTable(run).rows.map { row in
            [
                row.name, row.before.map { row.text($0) } ?? "–", row.text(row.after),
                row.interval.map { "\(row.text($0.low)) to \(row.text($0.high))" } ?? "",
            ]
        }
        if !rows.isEmpty { lines += columns([["held-out", "before", "after", "95 % interval"]] + rows).map { "  " + $0 } }
        let (head, sources) = HeldOutSources(run.after).table
        if !sources.isEmpty { lines += columns([head] + sources).map { "  " + $0 } }
        if let losses = run.steps["loss"] { lines.append("  training loss  \(sparkline(losses))") }
        let held = run.evaluations.compactMap { $0["eval_loss"]?.double }
        if held.count > 2 { lines.append("  held-out loss  \(sparkline(held))") }
        if let seconds = run.manifest["seconds"]?.double {
            let rate = run.manifest["pairs_per_second"]?.double.map { ", \(fixed($0, 2)) pairs/s" } ?? ""
            lines.append(
                "  \(grouped(run.lastStep)) steps in \(readableDuration(seconds))\(rate), "
                    + "\(run.attempts.count) attempt\(run.attempts.count == 1 ? "" : "s")")
        }
        return lines
    }

    /// The course of some numbers in at most 48 characters: means of equal parts between the least and the greatest.
    private static func sparkline(_ values: [Double]) -> String {
        let values = values.filter(\.isFinite)
        let count = min(48, values.count)
        guard count > 1 else { return "" }
        let means = (0..<count).map { part in
            Sample(Array(values[part * values.count / count..<(part + 1) * values.count / count])).mean
        }
        let (low, high) = (means.min() ?? 0, means.max() ?? 0)
        let bars = Array("▁▂▃▄▅▆▇█")
        let line = means.map { bars[high > low ? min(7, Int(($0 - low) / (high - low) * 8)) : 0] }
        return "\(fixed(means[0], 4)) \(String(line)) \(fixed(means[count - 1], 4))"
    }

    /// Cells flush left, columns two spaces apart.
    private static func columns(_ rows: [[String]]) -> [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            var line = row.enumerated().map { pad($0.element, widths[$0.offset]) }.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }

    // MARK: - For programs

    package var json: JSONObject {
        var json: JSONObject = ["runs": .array(runs.map { .object(Self.json(of: $0)) })]
        if runs.count > 1 {
            let comparison = RunComparison(runs)
            json["comparison"] = comparison.json
            var keys = JSONObject()
            for row in comparison.differingKeys { keys[row[0]] = .array(row.dropFirst().map { .string($0) }) }
            json["differing_keys"] = .object(keys)
        }
        for (name, figures) in folders {
            for (file, rows) in figures.rows { json["\(name)/\(file)"] = .array(rows.map { .object($0) }) }
        }
        return json
    }

    private static func json(of run: RunRecord) -> JSONObject {
        let verdict = RunVerdict(run)
        var json: JSONObject = [
            "run": .string(run.name), "folder": .string(run.folder), "verdict": .string(verdict.sentence),
            "warnings": .array(verdict.warnings.map { .string($0) }), "last_step": .integer(run.lastStep),
            "held_out": MetricTable(run).json, "checkpoints": .array(run.checkpoints.map { .integer($0) }),
        ]
        let sources = HeldOutSources(run.after)
        if !sources.rows.isEmpty { json["held_out_by_source"] = sources.json }
        for name in ["steps", "seconds", "pairs_per_second", "tokens_per_second"] { json[name] = run.manifest[name] }
        json["attempts"] = .array(run.attempts.map { .object($0) })
        return json
    }
}
