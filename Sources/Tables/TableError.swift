import Storage

/// A fault of a data file's format, before anyone asks what its rows mean. Each text names the file and the place.
package enum TableError: Error, Sendable, Equatable, CustomStringConvertible {
    case storage(StorageError)
    /// A JSON document (an array of objects, or an object with one list) that can't be read.
    case document(path: String, line: Int, reason: String)
    case csv(path: String, line: Int, reason: String)
    /// A Parquet file that breaks its format's own rules.
    case damaged(path: String, place: String, reason: String)
    /// A Parquet file that is sound but holds something this program can't read.
    case unsupported(path: String, place: String, what: String, remedy: String)
    /// A folder given as a data file.
    case folder(path: String, reason: String)

    package var description: String {
        switch self {
        case .storage(let error):
            "\(error)"
        case .document(let path, let line, let reason):
            "\(path):\(line): \(reason); expected a list of objects, an object with one list of them, "
                + "or one object per line"
        case .csv(let path, let line, let reason):
            "\(path):\(line): \(reason)"
        case .damaged(let path, let place, let reason):
            "\(path): damaged Parquet in \(place): \(reason); fetch or write the file again"
        case .unsupported(let path, let place, let what, let remedy):
            "\(path): \(place) \(what), which can't be read; \(remedy)"
        case .folder(let path, let reason):
            "\(path): \(reason)"
        }
    }
}
