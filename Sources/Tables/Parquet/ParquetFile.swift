import Storage

/// A Parquet file: its schema, and where the columns of its row groups lie.
struct ParquetFile {
    let path: String
    let schema: ParquetSchema
    let rowGroups: [ParquetMetadata.RowGroup]
    private let file: MappedFile
    /// Where the footer begins.
    private let limit: Int

    private static let mark = Array("PAR1".utf8)

    init(path: String) throws(TableError) {
        let file = try stored { () throws(StorageError) in try MappedFile(path: path) }
        do throws(ParquetFault) {
            let bytes = file.bytes
            guard bytes.count >= 12, bytes.prefix(4).elementsEqual(Self.mark) else {
                throw .damaged("the file doesn't begin as one")
            }
            guard !bytes.suffix(4).elementsEqual("PARE".utf8) else {
                throw .unsupported("is encrypted", remedy: "write the file without encryption")
            }
            guard bytes.suffix(4).elementsEqual(Self.mark) else {
                throw .damaged("the file's end is missing")
            }
            let size = Int(bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt32.self).littleEndian)
            guard size <= bytes.count - 12 else { throw .damaged("a footer of \(size) bytes") }
            limit = bytes.count - 8 - size
            let metadata = try ParquetMetadata(Array(bytes[limit..<limit + size])[...])
            guard !metadata.isEncrypted else {
                throw .unsupported("is encrypted", remedy: "write the file without encryption")
            }
            schema = try ParquetSchema(metadata.schema)
            rowGroups = metadata.rowGroups
            let columns = schema.columns.count
            guard rowGroups.allSatisfy({ $0.columns.count == columns && $0.rows >= 0 }) else {
                throw .damaged("a row group without the schema's \(columns) columns")
            }
        } catch {
            throw error.error(path: path, place: "the footer")
        }
        self.path = path
        self.file = file
    }

    /// The columns of a row group, each at its first entry.
    func columns(ofGroup group: Int) throws(TableError) -> [ParquetColumn] {
        var columns: [ParquetColumn] = []
        for (column, chunk) in zip(schema.columns, rowGroups[group].columns) {
            do throws(ParquetFault) {
                var opened = try ParquetColumn(column, chunk, in: file, limit: limit)
                try opened.start()
                columns.append(opened)
            } catch {
                throw error.error(path: path, place: Self.place(column, group: group))
            }
        }
        return columns
    }

    static func place(_ column: ParquetSchema.Column, group: Int) -> String {
        "column \(column.path.joined(separator: ".")), row group \(group)"
    }

    /// Lets go of pages of the file that were read.
    func release() { file.releasePages() }

    /// Whether a file begins as Parquet does.
    static func isMarked(_ path: String) throws(StorageError) -> Bool {
        let file = try OpenFile(reading: path)
        var start = [UInt8](repeating: 0, count: 4)
        let count = try start.withUnsafeMutableBufferPointer { buffer throws(StorageError) in
            try file.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
        return count == 4 && start == mark
    }
}
