/// The Snappy format without frames: a length, then literals and copies out of what was written before.
enum Snappy {
    static func expand(_ block: ArraySlice<UInt8>, count: Int) throws(ParquetFault) -> [UInt8] {
        var cursor = ByteCursor(block)
        guard try cursor.count() == count else { throw .damaged("Snappy data of another length than the page's") }
        // An element writes at most 64 bytes for two, literals aside: no claim can ask for more than that.
        guard count / 32 <= block.count else { throw .damaged("Snappy data too short for its \(count) bytes") }
        var output: [UInt8] = []
        output.reserveCapacity(count)
        while cursor.remaining > 0 {
            let tag = try cursor.byte()
            let length: Int
            let offset: Int
            switch tag & 3 {
            case 0:
                var literal = Int(tag >> 2)
                if literal >= 60 { literal = Int(try cursor.unsigned(bytes: literal - 59)) }
                let bytes = try cursor.take(literal + 1)
                guard output.count + bytes.count <= count else { throw tooLong }
                output.append(contentsOf: bytes)
                continue
            case 1:
                length = Int(tag >> 2 & 7) + 4
                offset = Int(tag >> 5) << 8 | Int(try cursor.byte())
            case 2:
                length = Int(tag >> 2) + 1
                offset = Int(try cursor.unsigned(bytes: 2))
            default:
                length = Int(tag >> 2) + 1
                offset = Int(try cursor.unsigned(bytes: 4))
            }
            guard output.count + length <= count else { throw tooLong }
            try copyBack(&output, offset: offset, length: length)
        }
        guard output.count == count else { throw .damaged("Snappy data ends too early") }
        return output
    }

    private static var tooLong: ParquetFault { .damaged("Snappy data holds more than its length says") }
}

/// Appends bytes that stand `offset` before the end; those that are appended may be among them.
func copyBack(_ output: inout [UInt8], offset: Int, length: Int) throws(ParquetFault) {
    guard 1...max(1, output.count) ~= offset, offset <= output.count else {
        throw .damaged("compressed data refers to what is not there")
    }
    let start = output.count - offset
    // Byte by byte: a slice of the output would share its memory, and appending it would copy all of it.
    for place in start..<start + length { output.append(output[place]) }
}
