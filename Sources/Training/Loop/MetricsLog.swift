import Glibc
import Storage

/// `metrics.jsonl`: one JSON object per logged step, appended and flushed line by line; and TensorBoard's copy of it.
final class MetricsLog {
    private let descriptor: Int32
    let path: String
    /// Rows of evaluations, those of earlier attempts too.
    private(set) var evaluations: [JSON] = []
    private let events: EventLog?

    /// Opens the log, keeping the rows up to the step that a run resumes from: what came after it will come again.
    ///
    /// - Parameter tensorboard: whether event files are written too.
    /// - Throws: `StorageError`, or `TrainingError.input` when the file can't be opened.
    init(directory: String, resumingAfter step: Int, tensorboard: Bool) throws {
        path = FileSystem.join(directory, "metrics.jsonl")
        var kept: [UInt8] = []
        if step > 0, FileSystem.exists(path) {
            var lines = try LineReader(path: path)
            while let line = try lines.next() {
                // A line cut by a crash is not JSON, and not kept.
                guard let row = try? JSON.parse(line), let logged = row["step"]?.integer, logged <= step else {
                    continue
                }
                kept += line + [UInt8(ascii: "\n")]
                if row["eval_loss"] != nil { evaluations.append(row) }
            }
        }
        try AtomicFile.write(kept, to: path)
        events = tensorboard ? try EventLog(directory: directory, resumingAfter: step) : nil
        descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TrainingError.input("\(path): can't be opened: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// - Throws: `TrainingError.input` when the disk is full or gone.
    func append(_ row: JSONObject) throws {
        var rest = Array((JSON.object(row).text + "\n").utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else {
                throw TrainingError.input("\(path): can't be written: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(written)
        }
        if row["eval_loss"] != nil { evaluations.append(.object(row)) }
        try events?.append(row)
    }

    /// Adds a distribution of numbers of a step, where there is a place for it.
    /// - Throws: `StorageError`.
    func append(_ values: [Double], named name: String, step: Int) throws(StorageError) {
        try events?.append(values, named: name, step: step)
    }
}
