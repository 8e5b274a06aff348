/// The white space at each token's ends, for post-processors that leave it out of the offsets.
struct TokenEdges: Sendable {
    /// By id: scalars of white space that a token of the model begins and ends with.
    private let left: [UInt16]
    private let right: [UInt16]
    private let addedTokens: AddedTokens

    /// - Parameter written: nil if nothing will be trimmed.
    init(_ written: TokenTable?, _ addedTokens: AddedTokens) {
        self.addedTokens = addedTokens
        let count = written?.bytes.count ?? 0
        var left = [UInt16](repeating: 0, count: count)
        var right = left
        for id in 0..<Int32(count) {
            guard let bytes = written?.bytes, bytes.contains(id) else { continue }
            let scalars = String(decoding: bytes[id], as: UTF8.self).unicodeScalars
            // The space of the byte-level alphabet counts as the space that it stands for; other bytes don't.
            func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == "\u{120}" || scalar.properties.isWhitespace }
            left[Int(id)] = UInt16(clamping: scalars.prefix(while: isSpace).count)
            right[Int(id)] = UInt16(clamping: scalars.reversed().prefix(while: isSpace).count)
        }
        self.left = left
        self.right = right
    }

    /// A token's range without the white space at its ends. As many scalars are taken off as the token has there: an added
    /// one as it stands in the text, any other as the file writes it. Token and range may differ, by a prefix that isn't in
    /// the text.
    /// - Parameter keepsSpace: leaves a single space in front where it is.
    func trimmed(
        _ range: Range<Int>, of id: Int32, in text: UnsafeBufferPointer<UInt8>, keepsSpace: Bool
    ) -> Range<Int> {
        guard !range.isEmpty else { return range }
        let part = UnsafeBufferPointer(rebasing: text[range])
        var left: Int
        let right: Int
        if addedTokens[id] != nil {
            let scalars = String(decoding: part, as: UTF8.self).unicodeScalars
            left = scalars.prefix(while: \.properties.isWhitespace).count
            right = scalars.reversed().prefix(while: \.properties.isWhitespace).count
        } else {
            left = Int(self.left[Int(id)])
            right = Int(self.right[Int(id)])
            if left == 0, right == 0 { return range }
        }
        if left == 1, keepsSpace { left = 0 }
        var start = 0
        for _ in 0..<left where start < part.count { start += part.scalar(at: start).width }
        var end = part.count
        for _ in 0..<right where end > start { end = part.scalarStart(at: end - 1) }
        return range.lowerBound + start..<range.lowerBound + max(start, end)
    }
}
