import Storage

/// One row of a data file.
package struct TableRow: Sendable {
    /// A row's cells, by what the file has of them.
    package enum Content: Sendable {
        /// JSON text that nobody has parsed yet, so that whoever skips the row doesn't pay for it.
        case text([UInt8])
        /// Columns with their types, as Parquet has them.
        case columns(JSONObject)
        /// Columns that are all strings, as CSV has them.
        case cells(JSONObject)
    }

    package let content: Content
    /// Where the row begins: its line from 1, or in Parquet, which has no lines, its number from 1.
    package let line: Int

    package init(content: Content, line: Int) {
        self.content = content
        self.line = line
    }
}

/// The rows of a data file one at a time, in bounded memory: JSON Lines, a JSON document, CSV and TSV, each plain, gzip or
/// Zstandard, and Parquet.
package struct TableReader: ~Copyable {
    package let path: String
    package let format: TableFormat
    private var source: Source

    /// Exactly one of them, by the format.
    private struct Source: ~Copyable {
        var lines: LineReader?
        var document: DocumentReader?
        var cells: CellReader?
        var parquet: ParquetReader?
    }

    package init(path: String) throws(TableError) {
        let format = try stored { () throws(StorageError) in try TableFormat.of(path: path) }
        source = try Self.open(path, as: format)
        self.path = path
        self.format = format
    }

    private static func open(_ path: String, as format: TableFormat) throws(TableError) -> Source {
        switch format {
        case .jsonLines: Source(lines: try stored { () throws(StorageError) in try LineReader(path: path) })
        case .document: Source(document: try DocumentReader(path: path))
        case .csv: Source(cells: try CellReader(path: path, separator: UInt8(ascii: ",")))
        case .tsv: Source(cells: try CellReader(path: path, separator: UInt8(ascii: "\t")))
        case .parquet: Source(parquet: ParquetReader(try ParquetFile(path: path)))
        }
    }

    /// The next row; nil after the last. Blank lines are no rows.
    /// - Parameter wanted: false for a row that the caller skips: its content may then be empty.
    package mutating func next(wanted: Bool = true) throws(TableError) -> TableRow? {
        switch format {
        case .jsonLines: try nextLine()
        case .document: try source.document?.next() ?? nil
        case .csv, .tsv: try source.cells?.next() ?? nil
        case .parquet: try source.parquet?.next(wanted: wanted) ?? nil
        }
    }

    private mutating func nextLine() throws(TableError) -> TableRow? {
        while true {
            let line: [UInt8]?
            do throws(StorageError) { line = try source.lines?.next() ?? nil } catch { throw .storage(error) }
            guard var line, let number = source.lines?.lineNumber else { return nil }
            if number == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
            guard !line.allSatisfy({ $0 == 0x20 || 0x09...0x0D ~= $0 }) else { continue }
            return TableRow(content: .text(line), line: number)
        }
    }
}

/// Runs something that reads the disk, telling its errors as this target's.
func stored<Value: ~Copyable>(_ body: () throws(StorageError) -> Value) throws(TableError) -> Value {
    do throws(StorageError) { return try body() } catch { throw .storage(error) }
}
