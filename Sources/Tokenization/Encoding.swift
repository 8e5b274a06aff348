/// A text as token ids, each with the place it came from.
public struct Encoding: Sendable, Equatable {
    public var ids: [Int32]
    /// UTF-8 byte offsets into the original text, one range per id, always on scalar boundaries. A token that holds
    /// a part of a scalar has the range of the whole scalar. A token that a post-processor added has an empty range
    /// at the place where it stands.
    public var offsets: [Range<Int>]

    public init(ids: [Int32] = [], offsets: [Range<Int>] = []) {
        self.ids = ids
        self.offsets = offsets
    }

    mutating func append(_ id: Int32, _ range: Range<Int>) {
        ids.append(id)
        offsets.append(range)
    }
}
