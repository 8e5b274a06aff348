import Storage

/// The values of one page, one after the other, by its encoding. Nulls have no values.
enum ValueDecoder {
    case plain(ByteCursor, ParquetType)
    case plainBooleans(BitReader, left: Int)
    case booleans(RunLengthDecoder)
    case dictionary(RunLengthDecoder, [JSON])
    case deltas(DeltaDecoder)
    /// Texts: all lengths, then all bytes.
    case lengths(DeltaDecoder, ByteCursor)
    /// Texts: how much each shares with the one before it, then the rest of each.
    case prefixes(DeltaDecoder, lengths: DeltaDecoder, ByteCursor, previous: ArraySlice<UInt8>)
    /// Numbers of `width` bytes: all first bytes, then all second bytes, …
    case split(ArraySlice<UInt8>, ParquetType, index: Int)

    /// Numbers of the encodings in the format.
    private enum Encoding: Int {
        case plain = 0
        case plainDictionary = 2
        case runLengths = 3
        case bitPacked = 4
        case deltas = 5
        case lengths = 6
        case prefixes = 7
        case dictionary = 8
        case split = 9
    }

    /// - Parameter dictionary: the column chunk's, if it has one.
    init(_ number: Int, _ bytes: ArraySlice<UInt8>, _ type: ParquetType, dictionary: [JSON]?) throws(ParquetFault) {
        let mismatch = ParquetFault.damaged("the encoding \(number) for values of the type \(type.physical)")
        guard let encoding = Encoding(rawValue: number) else {
            throw .unsupported("uses the encoding \(number)", remedy: "write the file with a current Parquet writer")
        }
        switch (encoding, type.physical) {
        case (.plain, .boolean): self = .plainBooleans(BitReader(bytes), left: bytes.count * 8)
        case (.plain, _): self = .plain(ByteCursor(bytes), type)
        case (.plainDictionary, _), (.dictionary, _):
            guard let dictionary else { throw .damaged("dictionary indices without a dictionary") }
            guard let width = bytes.first else {
                self = .dictionary(try RunLengthDecoder([], width: 0), [])
                return
            }
            self = .dictionary(try RunLengthDecoder(bytes.dropFirst(), width: Int(width)), dictionary)
        case (.runLengths, .boolean):
            var cursor = ByteCursor(bytes)
            let size = Int(try cursor.unsigned(bytes: 4))
            self = .booleans(try RunLengthDecoder(try cursor.take(size), width: 1))
        case (.deltas, .int32), (.deltas, .int64): self = .deltas(try DeltaDecoder(bytes))
        case (.lengths, .bytes):
            let lengths = try DeltaDecoder(bytes)
            self = .lengths(lengths, ByteCursor(try lengths.rest()))
        case (.prefixes, .bytes), (.prefixes, .fixedBytes):
            let prefixes = try DeltaDecoder(bytes)
            let lengths = try DeltaDecoder(try prefixes.rest())
            self = .prefixes(prefixes, lengths: lengths, ByteCursor(try lengths.rest()), previous: [])
        case (.split, _) where type.width > 0: self = .split(bytes, type, index: 0)
        default: throw mismatch
        }
    }

    mutating func next() throws(ParquetFault) -> ParquetValue {
        switch self {
        case .plain(var cursor, let type):
            let value = try Self.plain(&cursor, type)
            self = .plain(cursor, type)
            return value
        case .plainBooleans(var bits, let left):
            guard left > 0 else { throw .damaged("the data ends too early") }
            let value = bits.next(1) == 1
            self = .plainBooleans(bits, left: left - 1)
            return .boolean(value)
        case .booleans(var runs):
            let value = try runs.next()
            self = .booleans(runs)
            return .boolean(value == 1)
        case .dictionary(var runs, let values):
            let index = try runs.next()
            guard index < values.count else {
                throw .damaged("the index \(index) into a dictionary of \(values.count)")
            }
            let value = values[Int(index)]
            self = .dictionary(runs, values)
            return .decoded(value)
        case .deltas(var deltas):
            let value = try deltas.next()
            self = .deltas(deltas)
            return .integer(value)
        case .lengths(var lengths, var cursor):
            let bytes = try cursor.take(Self.length(try lengths.next()))
            self = .lengths(lengths, cursor)
            return .bytes(bytes)
        case .prefixes(var prefixes, var lengths, var cursor, let previous):
            let shared = Self.length(try prefixes.next())
            guard 0...previous.count ~= shared else { throw .damaged("a text shares more than there is") }
            let bytes = previous.prefix(shared) + (try cursor.take(Self.length(try lengths.next())))
            self = .prefixes(prefixes, lengths: lengths, cursor, previous: bytes)
            return .bytes(bytes)
        case .split(let bytes, let type, let index):
            let count = bytes.count / type.width
            guard index < count else { throw .damaged("the data ends too early") }
            var value: [UInt8] = []
            for byte in 0..<type.width { value.append(bytes[bytes.startIndex + byte * count + index]) }
            self = .split(bytes, type, index: index + 1)
            var cursor = ByteCursor(value[...])
            return try Self.plain(&cursor, type)
        }
    }

    /// A stored length; -1, which no cursor grants, for one that is none.
    private static func length(_ value: Int64) -> Int { Int(exactly: value) ?? -1 }

    /// A value as PLAIN has it, booleans aside.
    static func plain(_ cursor: inout ByteCursor, _ type: ParquetType) throws(ParquetFault) -> ParquetValue {
        switch type.physical {
        case .int32: .integer(Int64(Int32(truncatingIfNeeded: try cursor.unsigned(bytes: 4))))
        case .int64: .integer(Int64(bitPattern: try cursor.unsigned(bytes: 8)))
        case .float: .number(Double(Float(bitPattern: UInt32(try cursor.unsigned(bytes: 4)))))
        case .double: .number(Double(bitPattern: try cursor.unsigned(bytes: 8)))
        case .bytes: .bytes(try cursor.take(Int(try cursor.unsigned(bytes: 4))))
        case .fixedBytes: .bytes(try cursor.take(type.width))
        case .boolean, .int96: throw .damaged("a value of the type \(type.physical) in a place for others")
        }
    }

    /// The values of a dictionary page: each takes some bytes, so that the count is bounded by the data.
    static func dictionary(_ bytes: ArraySlice<UInt8>, count: Int, _ type: ParquetType) throws(ParquetFault) -> [JSON] {
        var cursor = ByteCursor(bytes)
        var values: [JSON] = []
        while values.count < count { values.append(try type.json(try plain(&cursor, type))) }
        return values
    }
}
