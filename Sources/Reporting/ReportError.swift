/// A fault that keeps a report from being written.
package enum ReportError: Error, CustomStringConvertible {
    case noRun(path: String, remedy: String)

    package var description: String {
        switch self {
        case .noRun(let path, let remedy):
            "\(path): is no folder of a run, a sweep or a study (metrics.jsonl, sweep.jsonl or points.jsonl was expected in "
                + "it); \(remedy)"
        }
    }
}
