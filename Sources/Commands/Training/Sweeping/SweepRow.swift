import RunFiles
import Storage
import Training

/// The result of one run of a sweep: a line of `sweep.jsonl`.
struct SweepRow: Sendable {
    let name: String
    /// Stands for the run's definition.
    let digest: String
    let settings: JSONObject
    let folder: String
    /// Why the run failed; nil for one that came to its end.
    let failure: String?
    let steps: Int
    let seconds: Double
    let ranks: Int
    /// By the names of `metrics.jsonl`: those of the model in `final/`.
    let metrics: JSONObject

    /// A run that has just ended, from what it wrote down.
    /// - Throws: `StorageError`, or `JSONError` for a line of `metrics.jsonl` that isn't JSON.
    init(_ run: SweepRun, failure: String?, seconds: Double, ranks: Int) throws {
        (name, digest) = (run.name, SweepRow.digest(of: run))
        settings = run.settings.reduce(into: JSONObject()) { $0[$1.key] = $1.value.json }
        folder = run.file.model.outputDirectory ?? run.name
        (self.failure, self.seconds, self.ranks) = (failure, seconds, ranks)
        let last = try RunMetrics(folder: folder).last(best: run.file.records.bestMetric) {
            run.file.records.bestMetricIsGreatest(of: run.file.objective)
        }
        steps = last.steps
        metrics = failure == nil ? last.metrics : JSONObject()
    }

    static func digest(of run: SweepRun) -> String { String(Digest.of(Array(run.file.definition.utf8)).hex.prefix(32)) }

    // MARK: - As JSON

    var json: JSONObject {
        var row: JSONObject = ["run": .string(name), "settings": .object(settings)]
        row["outcome"] = .string(failure == nil ? "done" : "failed")
        if let failure { row["reason"] = .string(failure) }
        row["steps"] = .integer(steps)
        row["metrics"] = .object(metrics)
        row["seconds"] = .number(seconds)
        row["ranks"] = .integer(ranks)
        row["output_dir"] = .string(folder)
        row["definition"] = .string(digest)
        return row
    }

    /// nil for what isn't such a line.
    init?(_ json: JSON) {
        guard let name = json["run"]?.string, let digest = json["definition"]?.string,
            let settings = json["settings"]?.object, let metrics = json["metrics"]?.object,
            let folder = json["output_dir"]?.string, let steps = json["steps"]?.integer,
            let seconds = json["seconds"]?.double, let ranks = json["ranks"]?.integer
        else { return nil }
        (self.name, self.digest, self.settings, self.metrics) = (name, digest, settings, metrics)
        (self.folder, self.steps, self.seconds, self.ranks) = (folder, steps, seconds, ranks)
        failure = json["outcome"]?.string == "failed" ? json["reason"]?.string ?? "failed" : nil
    }

    /// The value of a metric, if the run came to its end.
    func value(of metric: SweepMetric) -> Double? { failure == nil ? metrics[metric.name]?.double : nil }
}
