/// LZ4 blocks: runs of literals, each followed by a copy out of what was written before.
enum LZ4 {
    /// A single raw block.
    static func expand(_ block: ArraySlice<UInt8>, count: Int) throws(ParquetFault) -> [UInt8] {
        // A byte of the block extends a copy by 255 at most.
        guard count / 256 <= block.count else { throw .damaged("LZ4 data too short for its \(count) bytes") }
        var cursor = ByteCursor(block)
        var output: [UInt8] = []
        output.reserveCapacity(count)
        while cursor.remaining > 0 {
            let token = try cursor.byte()
            let literal = try length(Int(token >> 4), &cursor)
            guard output.count + literal <= count else { throw tooLong }
            output.append(contentsOf: try cursor.take(literal))
            // The last run has no copy.
            if cursor.remaining == 0 { break }
            let offset = Int(try cursor.unsigned(bytes: 2))
            let copied = try length(Int(token & 15), &cursor) + 4
            guard output.count + copied <= count else { throw tooLong }
            try copyBack(&output, offset: offset, length: copied)
        }
        guard output.count == count else { throw .damaged("LZ4 data ends too early") }
        return output
    }

    /// Parquet's older codec, as Hadoop frames it: blocks with both lengths in front, most significant byte first. Files
    /// of the same codec number exist that hold a raw block.
    static func expandFramed(_ bytes: ArraySlice<UInt8>, count: Int) throws(ParquetFault) -> [UInt8] {
        var cursor = ByteCursor(bytes)
        var output: [UInt8] = []
        while cursor.remaining >= 8 {
            let content = Int(try cursor.unsigned(bytes: 4).byteSwapped >> 32)
            let size = Int(try cursor.unsigned(bytes: 4).byteSwapped >> 32)
            guard size <= cursor.remaining, output.count + content <= count,
                let block = try? expand(cursor.take(size), count: content)
            else { return try expand(bytes, count: count) }
            output += block
        }
        return output.count == count && cursor.remaining == 0 ? output : try expand(bytes, count: count)
    }

    /// Fifteen means that more follows, 255 that still more does.
    private static func length(_ nibble: Int, _ cursor: inout ByteCursor) throws(ParquetFault) -> Int {
        var length = nibble
        guard nibble == 15 else { return length }
        while true {
            let byte = try cursor.byte()
            length += Int(byte)
            if byte < 255 { return length }
        }
    }

    private static var tooLong: ParquetFault { .damaged("LZ4 data holds more than its length says") }
}
