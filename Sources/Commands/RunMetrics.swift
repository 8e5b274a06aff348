import Storage

/// `metrics.jsonl` of a run, as it was written down.
struct RunMetrics {
    /// In the order of the file; a line that a crash cut off is left out.
    let rows: [JSONObject]

    /// None for a folder without the file.
    /// - Throws: `StorageError`.
    init(folder: String) throws {
        let path = FileSystem.join(folder, "metrics.jsonl")
        var rows: [JSONObject] = []
        if FileSystem.exists(path) {
            var lines = try LineReader(path: path)
            while let line = try lines.next() {
                if let row = try? JSON.parse(line).object { rows.append(row) }
            }
        }
        self.rows = rows
    }

    /// Numbers that say how long something took, not what came of it.
    private static func isOfTime(_ name: String) -> Bool {
        ["step", "epoch", "seconds", "eval_seconds", "tokens_per_second"].contains(name) || name.hasPrefix("time/")
    }

    /// The steps taken, and the metrics of the model in `final/`: those of the last step, or of the step that was evaluated best.
    ///
    /// - Parameter best: the metric, without `eval_`, by which the best checkpoint becomes the result.
    func last(best: String?, isGreatest: () -> Bool) -> (steps: Int, metrics: JSONObject) {
        let steps = rows.compactMap { $0["step"]?.integer }.max() ?? 0
        var chosen = steps
        if let best {
            let evaluated = rows.compactMap { row in
                row["eval_\(best)"]?.double.flatMap { value in row["step"]?.integer.map { (step: $0, value: value) } }
            }.filter { $0.step > 0 }
            let isGreatest = isGreatest()
            // The first of equals, as the trainer has it.
            let found = evaluated.reduce(evaluated.first) { best, other in
                guard let best else { return other }
                return (isGreatest ? other.value > best.value : other.value < best.value) ? other : best
            }
            chosen = found?.step ?? steps
        }
        var metrics = JSONObject()
        for row in rows where row["step"]?.integer == chosen {
            for (name, value) in row.members where !RunMetrics.isOfTime(name) && value.double != nil {
                metrics[name] = value
            }
        }
        return (steps, metrics)
    }
}
