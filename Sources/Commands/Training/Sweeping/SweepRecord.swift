import Machine
import RunFiles
import Storage
import Training

/// The state of a sweep's runs: those that are over, as `sweep.jsonl` has them, and how far the others are.
final class SweepRecord {
    private let path: String
    private let runs: [SweepRun]
    private let metric: SweepMetric
    private let console: Console
    /// Of each run what came of it.
    private(set) var rows: [SweepRow?]
    /// The predicted cost of each open run, in any unit.
    private var costs: [Int: Double] = [:]
    private var running: [Int: (run: Int, first: Int, step: Int, steps: Int)] = [:]
    private var begunAt = 0.0
    /// Cost of what is done since.
    private var done = 0.0

    /// Reads what an earlier job of the same sweep has left.
    ///
    /// - Throws: `StorageError`; `TrainingError.input` for a run of the same name that was another run.
    init(_ sweep: SweepFile, console: Console) throws {
        path = FileSystem.join(sweep.outputDirectory, "sweep.jsonl")
        (runs, metric, self.console) = (sweep.runs, sweep.metric, console)
        rows = [SweepRow?](repeating: nil, count: sweep.runs.count)
        guard FileSystem.exists(path) else { return }
        var lines = try LineReader(path: path)
        let places = Dictionary(uniqueKeysWithValues: sweep.runs.enumerated().map { ($1.name, $0) })
        while let line = try lines.next() {
            guard let row = (try? JSON.parse(line)).flatMap({ SweepRow($0) }) else {
                throw TrainingError.input("\(path): a line of it is no row of a sweep; remove the line, or choose another output_dir")
            }
            // A run that the sweep no longer has stays in its folder and leaves the list.
            guard let place = places[row.name] else { continue }
            guard row.digest == SweepRow.digest(of: runs[place]) else {
                throw TrainingError.input(
                    "\(path): the run \(row.name) was another one: its base or its keys have changed since it was trained; give "
                        + "the sweep another output_dir, or remove \(row.folder) and its line here to train it anew")
            }
            rows[place] = row
        }
    }

    /// The runs that aren't over.
    var open: [Int] { rows.indices.filter { rows[$0] == nil } }

    /// The time left is told by what the runs are predicted to cost.
    func begin(costs: [Int: Double]) {
        self.costs = costs
        begunAt = SteadyClock.now()
    }

    // MARK: - What comes in

    func note(group: Int, run: Int, step: Int, of steps: Int) {
        let first = running[group].flatMap { $0.run == run ? $0.first : nil } ?? step
        running[group] = (run, first, step, steps)
    }

    /// - Throws: `StorageError`.
    func add(_ row: SweepRow, run: Int, group: Int) throws {
        running[group] = nil
        done += costs[run] ?? 0
        rows[run] = row
        let text = rows.compactMap { $0 }.map { JSON.object($0.json).text + "\n" }.joined()
        try AtomicFile.write(text, to: path)
        let result =
            row.failure.map { "failed: \($0.prefix { $0 != ";" })" }
            ?? row.value(of: metric).map { "\(metric.name) \(fixed($0, 4))" } ?? "done"
        console.line("\(row.name): \(result) (\(readableDuration(row.seconds)), group \(group))")
    }

    // MARK: - Progress

    func showProgress(on console: Console) { console.progress(progressText) }

    private var progressText: String {
        let over = rows.count { $0 != nil }
        let groups = running.sorted { $0.key < $1.key }.prefix(SweepRecord.mostShown).map { group, state in
            "group \(group) \(runs[state.run].name) step \(state.step)/\(state.steps)"
        }
        let rest = running.count > groups.count ? " and \(running.count - groups.count) groups more" : ""
        return (["\(over) of \(rows.count) runs over"] + groups).joined(separator: "; ") + rest + timeLeft
    }

    private static let mostShown = 4

    private var timeLeft: String {
        let total = costs.values.reduce(0, +)
        let sum = running.values.reduce(done) { sum, state in
            sum + (costs[state.run] ?? 0) * Double(state.step - state.first) / Double(max(1, state.steps))
        }
        guard sum > 0, total > sum else { return "" }
        return "; \(readableDuration((SteadyClock.now() - begunAt) * (total - sum) / sum)) left"
    }
}
