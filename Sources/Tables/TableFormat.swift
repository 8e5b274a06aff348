import Storage

/// The format of a file of rows.
package enum TableFormat: String, Sendable, CaseIterable {
    case jsonLines = "JSONL"
    /// One array of objects, or one object with a list of them.
    case document = "JSON"
    case csv = "CSV"
    case tsv = "TSV"
    case parquet = "Parquet"

    /// By the name alone, `.gz` or `.zst` left aside; nil for a name that says nothing.
    package init?(name: String) {
        var name = name.lowercased()
        for suffix in [".gz", ".zst"] where name.hasSuffix(suffix) {
            name.removeLast(suffix.count)
            break
        }
        guard let dot = name.lastIndex(of: ".") else { return nil }
        switch name[name.index(after: dot)...] {
        case "jsonl", "ndjson": self = .jsonLines
        case "json": self = .document
        case "csv": self = .csv
        case "tsv": self = .tsv
        case "parquet", "pq": self = .parquet
        default: return nil
        }
    }

    /// By the name and the first bytes. Parquet is known by its mark whatever the name. `.json` may hold one object per
    /// line, as many data sets come; a name that says nothing is JSONL unless it begins with a list.
    /// - Throws: `StorageError`
    package static func of(path: String) throws(StorageError) -> TableFormat {
        let named = TableFormat(name: FileSystem.name(of: path))
        // A pipe can't be looked at twice.
        guard FileSystem.isFile(path) else { return named == .document ? .jsonLines : named ?? .jsonLines }
        if try ParquetFile.isMarked(path) { return .parquet }
        switch named {
        case .csv?, .tsv?, .jsonLines?, .parquet?: return named ?? .jsonLines
        case .document?, nil: return try sniff(path)
        }
    }

    private static func sniff(_ path: String) throws(StorageError) -> TableFormat {
        var source = try ByteSource(path: path, bufferSize: 1 << 16)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var start: UInt8?
        // The first line tells: in JSONL it is a whole object and more lines follow.
        var first: [UInt8] = []
        var ended = false
        while true {
            let count = try source.read(into: &buffer)
            if count == 0 { break }
            for byte in buffer[..<count] {
                let isSpace = byte == 0x20 || 0x09...0x0D ~= byte
                if start == nil {
                    if isSpace || [0xEF, 0xBB, 0xBF].contains(byte) { continue }
                    start = byte
                    guard byte == UInt8(ascii: "{") else { return byte == UInt8(ascii: "[") ? .document : .jsonLines }
                }
                if ended {
                    if !isSpace { return .jsonLines }
                } else if byte == UInt8(ascii: "\n") {
                    guard (try? JSON.parse(first)) != nil else { return .document }
                    ended = true
                } else {
                    first.append(byte)
                    if first.count > LineReader.longestLine { return .document }
                }
            }
        }
        return start == nil ? .jsonLines : .document
    }
}
