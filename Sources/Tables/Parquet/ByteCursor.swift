/// A place in bytes that are not trusted: every read is checked against the end.
struct ByteCursor {
    let bytes: ArraySlice<UInt8>
    private(set) var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var remaining: Int { bytes.endIndex - position }

    mutating func byte() throws(ParquetFault) -> UInt8 {
        guard position < bytes.endIndex else { throw .damaged("the data ends too early") }
        position += 1
        return bytes[position - 1]
    }

    mutating func take(_ count: Int) throws(ParquetFault) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw .damaged("the data ends too early") }
        position += count
        return bytes[position - count..<position]
    }

    /// Little-endian.
    mutating func unsigned(bytes count: Int) throws(ParquetFault) -> UInt64 {
        try take(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// LEB128, as thrift and Parquet's encodings have it.
    mutating func varint() throws(ParquetFault) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = try byte()
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw .damaged("a number has too many bytes")
    }

    mutating func zigzag() throws(ParquetFault) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// A count or a size: a varint that fits 31 bits.
    mutating func count() throws(ParquetFault) -> Int {
        let value = try varint()
        guard value <= UInt64(Int32.max) else { throw .damaged("a count of \(value)") }
        return Int(value)
    }
}
