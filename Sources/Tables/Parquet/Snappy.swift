import CSnappy

/// The Snappy format without frames, by libsnappy.
enum Snappy {
    static func expand(_ block: ArraySlice<UInt8>, count: Int) throws(ParquetFault) -> [UInt8] {
        // An element writes at most 64 bytes for two, literals aside: no claim can ask for more than that.
        guard count / 32 <= block.count else { throw .damaged("Snappy data too short for its \(count) bytes") }
        var claimed = 0
        let content = block.withUnsafeBytes { block in
            let start = block.baseAddress?.assumingMemoryBound(to: CChar.self)
            guard snappy_uncompressed_length(start, block.count, &claimed) == SNAPPY_OK, claimed == count else {
                return [UInt8]?.none
            }
            return [UInt8](unsafeUninitializedCapacity: count) { content, written in
                var room = count
                let status = content.withMemoryRebound(to: CChar.self) {
                    snappy_uncompress(start, block.count, $0.baseAddress, &room)
                }
                written = status == SNAPPY_OK ? room : 0
            }
        }
        guard let content else { throw .damaged("Snappy data of \(claimed) bytes; the page has \(count)") }
        guard content.count == count else { throw .damaged("the Snappy data is corrupt") }
        return content
    }
}
