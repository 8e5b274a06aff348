import Storage

/// The entries of one column in one row group, a page at a time: levels and values.
struct ParquetColumn {
    let column: ParquetSchema.Column
    private let file: MappedFile
    /// Where the chunk ends in the file.
    private let end: Int
    private let codec: Int
    /// Entries of pages that were not begun yet.
    private var entriesLeft: Int
    /// Of the next page.
    private var position: Int
    private var dictionary: [JSON]?

    // The page at hand.
    private var inPage = 0
    private var repetitions: RunLengthDecoder?
    private var definitions: RunLengthDecoder?
    private var values: ValueDecoder?
    private(set) var pageStart = 0

    /// Levels of the entry at hand; nil past the last.
    private(set) var head: (repetition: Int, definition: Int)?

    /// - Parameter limit: where the file's pages end and its footer begins.
    init(
        _ column: ParquetSchema.Column, _ chunk: ParquetMetadata.ColumnChunk, in file: MappedFile, limit: Int
    ) throws(ParquetFault) {
        guard !chunk.isEncrypted else {
            throw .unsupported("is encrypted", remedy: "write the file without encryption")
        }
        guard chunk.file == nil else {
            throw .unsupported("lies in another file", remedy: "write the data and its footer into one file")
        }
        guard chunk.path == column.path, chunk.physical == column.type.physical.rawValue else {
            throw .damaged("the column isn't the schema's")
        }
        var start = chunk.dataOffset
        if let dictionary = chunk.dictionaryOffset, dictionary >= 4, dictionary < start { start = dictionary }
        // Nothing lies nowhere: writers give a chunk without values any place.
        if chunk.values == 0 { start = limit }
        guard 4...limit ~= start, chunk.values == 0 || 0...limit - start ~= chunk.compressedSize, chunk.values >= 0
        else {
            throw .damaged("the column lies outside the file")
        }
        self.column = column
        self.file = file
        end = chunk.values == 0 ? limit : start + chunk.compressedSize
        codec = chunk.codec
        entriesLeft = chunk.values
        position = start
        pageStart = start
    }

    /// Goes to the first entry.
    mutating func start() throws(ParquetFault) { try advance() }

    /// The value of the entry at hand, which must have one, then on to the next entry.
    mutating func takeValue() throws(ParquetFault) -> ParquetValue {
        guard let value = try values?.next() else { throw .damaged("a value without a page") }
        try advance()
        return value
    }

    /// Passes over an entry without a value.
    mutating func skipNull() throws(ParquetFault) { try advance() }

    private mutating func advance() throws(ParquetFault) {
        while inPage == 0 {
            guard entriesLeft > 0 else {
                head = nil
                return
            }
            try startPage()
        }
        inPage -= 1
        let repetition = Int(try repetitions?.next() ?? 0)
        let definition = Int(try definitions?.next() ?? UInt32(column.maximumDefinition))
        guard repetition <= column.maximumRepetition, definition <= column.maximumDefinition else {
            throw .damaged("the levels \(repetition) and \(definition) above the schema's")
        }
        head = (repetition, definition)
    }

    // MARK: - Pages

    private mutating func startPage() throws(ParquetFault) {
        pageStart = position
        let page = try pageHead()
        let start = position + page.headSize
        guard page.compressedSize <= end - start else {
            throw .damaged("a page that reaches past its column")
        }
        position = start + page.compressedSize
        guard page.kind != .index else { return }
        let content = try page.content(Array(file.bytes[start..<position])[...], codec: codec)
        if page.kind == .dictionary {
            guard dictionary == nil else { throw .damaged("a second dictionary") }
            guard page.encoding == 0 || page.encoding == 2 else {
                throw .damaged("a dictionary of the encoding \(page.encoding)")
            }
            dictionary = try ValueDecoder.dictionary(content, count: page.values, column.type)
            return
        }
        guard page.values <= entriesLeft else { throw .damaged("more values than the column has") }
        entriesLeft -= page.values
        inPage = page.values
        var cursor = ByteCursor(content)
        repetitions = try levels(
            column.maximumRepetition, page.repetitionEncoding, size: page.repetitionSize, page, &cursor)
        definitions = try levels(
            column.maximumDefinition, page.definitionEncoding, size: page.definitionSize, page, &cursor)
        let rest = content[cursor.position...]
        // A page of nulls alone may hold nothing, whatever its encoding.
        values =
            rest.isEmpty
            ? .plain(ByteCursor(rest), column.type)
            : try ValueDecoder(
                page.encoding, rest, column.type, dictionary: dictionary)
    }

    /// The head of the page at `position`. Its size is known only when it was read: statistics in it may be long texts.
    private func pageHead() throws(ParquetFault) -> ParquetPage {
        var size = 1 << 10
        while true {
            let stop = min(end, position + size)
            do throws(ParquetFault) {
                return try ParquetPage(Array(file.bytes[position..<stop])[...])
            } catch {
                guard stop < end, size < 1 << 26 else { throw error }
                size *= 8
            }
        }
    }

    /// The decoder of one kind of levels; nil if they are all zero.
    private func levels(
        _ maximum: Int, _ encoding: Int, size: Int, _ page: ParquetPage, _ cursor: inout ByteCursor
    ) throws(ParquetFault) -> RunLengthDecoder? {
        let width = Int.bitWidth - maximum.leadingZeroBitCount
        if page.kind == .dataV2 {
            let bytes = try cursor.take(size)
            return maximum == 0 ? nil : try RunLengthDecoder(bytes, width: width)
        }
        guard maximum > 0 else { return nil }
        guard encoding == ParquetPage.runLengths else {
            throw .unsupported("uses BIT_PACKED levels", remedy: "write the file with a current Parquet writer")
        }
        let length = Int(try cursor.unsigned(bytes: 4))
        return try RunLengthDecoder(try cursor.take(length), width: width)
    }
}
