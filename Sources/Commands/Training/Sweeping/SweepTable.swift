import Machine
import RunFiles
import Statistics
import Storage

/// All runs of a sweep, those of one setting and several seeds together, best first.
struct SweepTable {
    /// Runs that differ in their seeds only.
    private struct Line {
        let settings: [(key: String, value: YAMLValue)]
        let values: [Double]
        let failures: [String]
        let folders: [String]
        var statistics: Sample { Sample(values) }
    }

    private let lines: [Line]
    private let columns: [String]
    private let metric: SweepMetric
    private let varied: [String]

    init(_ rows: [SweepRow], of sweep: SweepFile) {
        metric = sweep.metric
        varied = sweep.varied
        columns = sweep.varied.filter { $0 != "seed" }
        let byName = Dictionary(rows.map { ($0.name, $0) }) { first, _ in first }
        var order: [String] = []
        var members: [String: [SweepRow]] = [:]
        var settings: [String: [(key: String, value: YAMLValue)]] = [:]
        for run in sweep.runs {
            guard let row = byName[run.name] else { continue }
            if members[run.repetition] == nil { order.append(run.repetition) }
            members[run.repetition, default: []].append(row)
            settings[run.repetition] = run.settings.filter { $0.key != "seed" }
        }
        let lines = order.map { key in
            let rows = members[key] ?? []
            return Line(
                settings: settings[key] ?? [], values: rows.compactMap { $0.value(of: sweep.metric) },
                failures: rows.compactMap(\.failure), folders: rows.map(\.folder))
        }
        let isGreater = sweep.metric.isGreaterBetter
        self.lines = lines.enumerated().sorted { a, b in
            guard !a.element.values.isEmpty, !b.element.values.isEmpty else {
                return (a.element.values.isEmpty ? 1 : 0, a.offset) < (b.element.values.isEmpty ? 1 : 0, b.offset)
            }
            let (x, y) = (a.element.statistics.mean, b.element.statistics.mean)
            return x == y ? a.offset < b.offset : (x > y) == isGreater
        }.map(\.element)
    }

    var report: Report {
        let hasSeeds = varied.contains("seed")
        var head = [metric.name]
        if hasSeeds { head += ["95 %", "seeds"] }
        head += columns
        var cells = [head]
        for line in lines {
            let statistics = line.statistics
            var row = [line.values.isEmpty ? "failed" : fixed(statistics.mean, 4)]
            if hasSeeds {
                row.append(statistics.studentHalfWidth.map { "± \(fixed($0, 4))" } ?? "")
                row.append("\(line.values.count)")
            }
            row += columns.map { column in
                line.settings.first { $0.key == column }.map { $0.value.text ?? $0.value.json.text } ?? ""
            }
            if !line.values.isEmpty, !line.failures.isEmpty { row.append("(\(line.failures.count) failed)") }
            if line.values.isEmpty, let failure = line.failures.first { row.append("\(failure.prefix { $0 != ";" })") }
            cells.append(row)
        }
        let widths = head.indices.map { column in cells.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        let text = cells.map { row in
            let fields = row.enumerated().map { $0 < widths.count ? pad($1, widths[$0]) : $1 }.joined(separator: "  ")
            return String(fields.reversed().drop { $0 == " " }.reversed())
        }
        return Report(
            json: [
                "metric": .string(metric.name), "greater_is_better": .bool(metric.isGreaterBetter),
                "lines": .array(lines.map { .object(json($0)) }),
            ], lines: text)
    }

    private func json(_ line: Line) -> JSONObject {
        let settings = line.settings.reduce(into: JSONObject()) { $0[$1.key] = $1.value.json }
        var row: JSONObject = ["settings": .object(settings), "values": .array(line.values.map { .number($0) })]
        if !line.values.isEmpty { row["mean"] = .number(line.statistics.mean) }
        if let width = line.statistics.studentHalfWidth { row["half_width_95"] = .number(width) }
        if !line.failures.isEmpty { row["failures"] = .array(line.failures.map { .string($0) }) }
        row["output_dirs"] = .array(line.folders.map { .string($0) })
        return row
    }
}
