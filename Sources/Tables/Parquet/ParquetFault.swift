/// A fault of a piece of a Parquet file; the piece's reader adds the file and the place.
enum ParquetFault: Error {
    /// The bytes break the format's rules.
    case damaged(String)
    /// The bytes are sound, but of a kind that this program doesn't read.
    case unsupported(String, remedy: String)

    func error(path: String, place: String) -> TableError {
        switch self {
        case .damaged(let reason): .damaged(path: path, place: place, reason: reason)
        case .unsupported(let what, let remedy): .unsupported(path: path, place: place, what: what, remedy: remedy)
        }
    }
}
