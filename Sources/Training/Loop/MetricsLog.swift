import Storage

/// `metrics.jsonl`: one JSON object per logged step; and TensorBoard's copy of it.
final class MetricsLog {
    /// Rows of evaluations, those of earlier attempts too.
    private(set) var evaluations: [JSON] = []
    private let rows: StepLog
    private let events: EventLog?

    /// Opens the log, keeping the rows up to the step that a run resumes from: what came after it will come again.
    ///
    /// - Parameter tensorboard: whether event files are written too.
    /// - Throws: `StorageError`, or `TrainingError.input` when the file can't be opened.
    init(directory: String, resumingAfter step: Int, tensorboard: Bool) throws {
        var kept: [JSON] = []
        rows = try StepLog(FileSystem.join(directory, "metrics.jsonl"), resumingAfter: step) { row in
            if row["eval_loss"] != nil { kept.append(row) }
        }
        events = tensorboard ? try EventLog(directory: directory, resumingAfter: step) : nil
        evaluations = kept
    }

    /// - Parameter samples: an evaluation's lines of `samples.jsonl`.
    /// - Throws: `TrainingError.input` when the disk is full or gone.
    func append(_ row: JSONObject, samples: [JSONObject] = []) throws {
        try rows.append(row)
        if row["eval_loss"] != nil { evaluations.append(.object(row)) }
        try events?.append(row, samples: samples)
    }

    /// Adds a distribution of numbers of a step, where there is a place for it.
    /// - Throws: `StorageError`.
    func append(_ values: [Double], named name: String, step: Int) throws(StorageError) {
        try events?.append(values, named: name, step: step)
    }
}
