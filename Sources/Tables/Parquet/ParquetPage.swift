import Storage

/// The head of a page.
struct ParquetPage {
    enum Kind: Int {
        case data, index, dictionary, dataV2
    }

    var kind: Kind?
    var size = -1
    var compressedSize = -1
    var checksum: UInt32?
    var values = -1
    var encoding = -1
    /// Version 1: how the levels are written.
    var definitionEncoding = runLengths
    var repetitionEncoding = runLengths
    /// Version 2: bytes of the levels, which stand uncompressed in front.
    var definitionSize = 0
    var repetitionSize = 0
    var isCompressed = true
    /// Bytes of this head.
    private(set) var headSize = 0

    /// The number of the only encoding of levels that is read.
    static let runLengths = 3

    /// More in one page is refused: files have pages of a megabyte.
    static let largest = 512 << 20

    init(_ bytes: ArraySlice<UInt8>) throws(ParquetFault) {
        var reader = ThriftReader(bytes)
        var page = self
        try reader.structure { (reader, field) throws(ParquetFault) in
            switch (field.number, field.kind) {
            case (1, .int32): page.kind = Kind(rawValue: try reader.integer())
            case (2, .int32): page.size = try reader.integer()
            case (3, .int32): page.compressedSize = try reader.integer()
            case (4, .int32): page.checksum = UInt32(truncatingIfNeeded: try reader.integer())
            case (5, .structure), (7, .structure): try page.readHead(&reader)
            case (8, .structure): try page.readHeadV2(&reader)
            default: return false
            }
            return true
        }
        self = page
        headSize = reader.position - bytes.startIndex
        guard kind != nil else { throw .damaged("a page of an unknown kind") }
        guard 0...Self.largest ~= size, compressedSize >= 0 else {
            throw .damaged("a page of \(size) bytes; the limit is \(Self.largest)")
        }
        guard kind == .index || values >= 0 else { throw .damaged("a page without a count of values") }
    }

    /// Of a data page, version 1, or a dictionary: the first two fields are the same.
    private mutating func readHead(_ reader: inout ThriftReader) throws(ParquetFault) {
        var page = self
        try reader.structure { (reader, field) throws(ParquetFault) in
            switch (field.number, field.kind) {
            case (1, .int32): page.values = try reader.integer()
            case (2, .int32): page.encoding = try reader.integer()
            case (3, .int32): page.definitionEncoding = try reader.integer()
            case (4, .int32): page.repetitionEncoding = try reader.integer()
            default: return false
            }
            return true
        }
        self = page
    }

    private mutating func readHeadV2(_ reader: inout ThriftReader) throws(ParquetFault) {
        var page = self
        try reader.structure { (reader, field) throws(ParquetFault) in
            switch (field.number, field.kind) {
            case (1, .int32): page.values = try reader.integer()
            case (4, .int32): page.encoding = try reader.integer()
            case (5, .int32): page.definitionSize = try reader.integer()
            case (6, .int32): page.repetitionSize = try reader.integer()
            case (7, .isFalse): page.isCompressed = false
            default: return false
            }
            return true
        }
        self = page
    }

    /// The page's content without compression.
    func content(_ bytes: ArraySlice<UInt8>, codec: Int) throws(ParquetFault) -> ArraySlice<UInt8> {
        if let checksum, CompressedBlock.checksum(bytes) != checksum {
            throw .damaged("the page doesn't fit its checksum")
        }
        guard kind == .dataV2 else { return try Self.expand(bytes, codec: codec, count: size) }
        let levels = definitionSize + repetitionSize
        guard definitionSize >= 0, repetitionSize >= 0, levels <= min(bytes.count, size) else {
            throw .damaged("levels of \(levels) bytes in a page of \(bytes.count)")
        }
        guard isCompressed else { return try Self.expand(bytes, codec: 0, count: size) }
        let values = bytes.dropFirst(levels)
        // Nulls alone have no values, and some writers then don't compress nothing.
        guard size > levels else { return bytes.prefix(levels) }
        return bytes.prefix(levels) + (try Self.expand(values, codec: codec, count: size - levels))
    }

    private static func expand(
        _ bytes: ArraySlice<UInt8>, codec: Int, count: Int
    ) throws(ParquetFault) -> ArraySlice<UInt8> {
        func block(_ format: CompressedBlock.Format) throws(ParquetFault) -> ArraySlice<UInt8> {
            do throws(CompressedBlock.Fault) {
                return try CompressedBlock.expand(bytes, as: format, count: count)[...]
            } catch { throw .damaged(error.reason) }
        }
        switch codec {
        case 0:
            guard bytes.count == count else { throw .damaged("a page of \(bytes.count) bytes; expected \(count)") }
            return bytes
        case 1: return try Snappy.expand(bytes, count: count)[...]
        case 2: return try block(.gzip)
        case 5: return try LZ4.expandFramed(bytes, count: count)[...]
        case 6: return try block(.zstandard)
        case 7: return try LZ4.expand(bytes, count: count)[...]
        default:
            let name = [3: "LZO", 4: "Brotli"][codec] ?? "the unknown codec \(codec)"
            throw .unsupported("is compressed with \(name)", remedy: "write the file with zstd, snappy, gzip or lz4")
        }
    }
}
