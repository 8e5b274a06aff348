/// Thrift's compact protocol, as far as Parquet's metadata uses it. Unknown fields are skipped.
struct ThriftReader {
    private var cursor: ByteCursor
    private var depth = 0

    /// Types of the compact protocol.
    enum Kind: UInt8 {
        case isTrue = 1
        case isFalse, byte, int16, int32, int64, double, binary, list, set, map, structure
    }

    struct Field {
        let number: Int
        let kind: Kind
    }

    init(_ bytes: ArraySlice<UInt8>) { cursor = ByteCursor(bytes) }

    /// Bytes read so far end here.
    var position: Int { cursor.position }

    /// Reads a structure, handing each field to `read`, which returns whether it has read the field's value.
    mutating func structure(
        _ read: (inout ThriftReader, Field) throws(ParquetFault) -> Bool
    ) throws(ParquetFault) {
        depth += 1
        guard depth <= 32 else { throw .damaged("metadata nested too deeply") }
        var number = 0
        while true {
            let head = try cursor.byte()
            if head == 0 { break }
            let step = Int(head >> 4)
            number = step == 0 ? Int(truncatingIfNeeded: try cursor.zigzag()) : number &+ step
            let field = Field(number: number, kind: try kind(head & 15))
            if try !read(&self, field) { try skip(field.kind) }
        }
        depth -= 1
    }

    /// Reads a list's elements one by one. Each takes at least a byte, so that the count is bounded by the data.
    mutating func list(_ read: (inout ThriftReader) throws(ParquetFault) -> Void) throws(ParquetFault) {
        for _ in 0..<(try listHead().count) { try read(&self) }
    }

    mutating func integer() throws(ParquetFault) -> Int { Int(try cursor.zigzag()) }

    mutating func byte() throws(ParquetFault) -> Int { Int(try cursor.byte()) }

    mutating func bytes() throws(ParquetFault) -> ArraySlice<UInt8> { try cursor.take(try cursor.count()) }

    mutating func text() throws(ParquetFault) -> String {
        guard let text = String(validating: try bytes(), as: UTF8.self) else { throw .damaged("a name is not UTF-8") }
        return text
    }

    // MARK: - Kinds

    private func kind(_ nibble: UInt8) throws(ParquetFault) -> Kind {
        guard let kind = Kind(rawValue: nibble) else { throw .damaged("metadata of the unknown type \(nibble)") }
        return kind
    }

    private mutating func listHead() throws(ParquetFault) -> (count: Int, kind: Kind) {
        let head = try cursor.byte()
        let count = head >> 4 == 15 ? try cursor.count() : Int(head >> 4)
        guard count <= cursor.remaining else { throw .damaged("a list of \(count) in \(cursor.remaining) bytes") }
        return (count, try kind(head & 15))
    }

    private mutating func skip(_ kind: Kind) throws(ParquetFault) {
        switch kind {
        case .isTrue, .isFalse: break
        case .byte: _ = try cursor.byte()
        case .int16, .int32, .int64: _ = try cursor.varint()
        case .double: _ = try cursor.take(8)
        case .binary: _ = try bytes()
        case .structure: try structure { (_, _) throws(ParquetFault) in false }
        case .list, .set:
            let (count, kind) = try listHead()
            for _ in 0..<count { try skipElement(kind) }
        case .map:
            let count = try cursor.count()
            guard count > 0 else { return }
            guard count <= cursor.remaining else { throw .damaged("a map of \(count) in \(cursor.remaining) bytes") }
            let head = try cursor.byte()
            for _ in 0..<count {
                try skipElement(try self.kind(head >> 4))
                try skipElement(try self.kind(head & 15))
            }
        }
    }

    /// In a container a boolean is a byte, not a part of the field's head; containers nest only here and in structures.
    private mutating func skipElement(_ kind: Kind) throws(ParquetFault) {
        depth += 1
        guard depth <= 32 else { throw .damaged("metadata nested too deeply") }
        switch kind {
        case .isTrue, .isFalse: _ = try cursor.byte()
        default: try skip(kind)
        }
        depth -= 1
    }
}
