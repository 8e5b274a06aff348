/// A text as token ids, each with the place it came from.
package struct Encoding: Sendable, Equatable {
    package var ids: [Int32]
    /// UTF-8 byte offsets into the original text, one range per id, always on scalar boundaries. A token that holds
    /// a part of a scalar has the range of the whole scalar. A token that a post-processor added has an empty range
    /// at the place where it stands.
    package var offsets: [Range<Int>]

    package init(ids: [Int32] = [], offsets: [Range<Int>] = []) {
        self.ids = ids
        self.offsets = offsets
    }

    mutating func reserve(more: Int) {
        ids.reserveCapacity(ids.count + more)
        offsets.reserveCapacity(offsets.count + more)
    }

    @inline(__always)
    mutating func append(_ id: Int32, _ range: Range<Int>) {
        ids.append(id)
        offsets.append(range)
    }
}

extension Encoding {
    /// The offsets as the `tokenizers` library counts them: in Unicode scalars of the text that was encoded, not in
    /// UTF-8 bytes.
    package func characterOffsets(in text: String) -> [Range<Int>] {
        var text = text
        return text.withUTF8 { bytes in
            // The scalars that begin before each byte.
            var counts: [Int] = []
            counts.reserveCapacity(bytes.count + 1)
            var count = 0
            for byte in bytes {
                counts.append(count)
                if byte & 0xC0 != 0x80 { count += 1 }
            }
            counts.append(count)
            return offsets.map { counts[$0.lowerBound]..<counts[$0.upperBound] }
        }
    }
}
