import CLZ4

/// LZ4 blocks, by liblz4.
enum LZ4 {
    /// A single raw block.
    static func expand(_ block: ArraySlice<UInt8>, count: Int) throws(ParquetFault) -> [UInt8] {
        // A byte of the block extends a copy by 255 at most.
        guard count / 256 <= block.count, count <= Int(Int32.max), block.count <= Int(Int32.max) else {
            throw .damaged("LZ4 data too short for its \(count) bytes")
        }
        let content = block.withUnsafeBytes { block in
            [UInt8](unsafeUninitializedCapacity: count) { content, written in
                let size = content.withMemoryRebound(to: CChar.self) {
                    LZ4_decompress_safe(
                        block.baseAddress?.assumingMemoryBound(to: CChar.self), $0.baseAddress, Int32(block.count),
                        Int32(count))
                }
                written = max(0, Int(size))
            }
        }
        guard content.count == count else {
            throw .damaged("the LZ4 data is corrupt, or doesn't hold the page's \(count) bytes")
        }
        return content
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
}
