import Glibc
import Storage

/// A file of a run's folder with JSON objects that each belong to a step, appended and flushed as they come: `metrics.jsonl`,
/// `samples.jsonl`.
final class StepLog {
    private let descriptor: Int32
    let path: String

    /// Rows of the last step that was kept, as the log was opened.
    let rowsOfLastStep: (step: Int, count: Int)

    /// Opens the log, keeping the rows up to the step that a run resumes from: what came after it will come again.
    ///
    /// - Parameters:
    ///   - rowsPerStep: a step that has fewer wasn't finished, and isn't kept.
    ///   - keep: is told of each row that is kept.
    /// - Throws: `StorageError`, or `TrainingError.input` when the file can't be opened.
    init(
        _ path: String, resumingAfter step: Int, rowsPerStep: Int = 1, keep: (JSON) -> Void = { _ in }
    ) throws {
        self.path = path
        var kept: [UInt8] = []
        var (last, start) = ((step: -1, count: 0), 0)
        if step > 0, FileSystem.exists(path) {
            var lines = try LineReader(path: path)
            while let line = try lines.next() {
                // A line cut by a crash is not JSON, and not kept.
                guard let row = try? JSON.parse(line), let logged = row["step"]?.integer, logged <= step else {
                    continue
                }
                if logged != last.step { (last, start) = ((logged, 0), kept.count) }
                last.count += 1
                kept += line + [UInt8(ascii: "\n")]
                keep(row)
            }
        }
        if last.count < rowsPerStep {
            kept.removeLast(kept.count - start)
            last = (-1, 0)
        }
        rowsOfLastStep = last
        try AtomicFile.write(kept, to: path)
        descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TrainingError.input("\(path): can't be opened: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// - Throws: `TrainingError.input` when the disk is full or gone.
    func append(_ rows: JSONObject...) throws { try append(rows) }

    /// - Throws: `TrainingError.input` when the disk is full or gone.
    func append(_ rows: [JSONObject]) throws {
        var rest = rows.flatMap { Array((JSON.object($0).text + "\n").utf8) }[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else {
                throw TrainingError.input("\(path): can't be written: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(written)
        }
    }
}
