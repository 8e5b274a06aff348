/// Ranges cut into short ones.
enum Pieces {
    static func cut(_ ranges: [Range<Int>], length: Int) -> [Range<Int>] {
        ranges.flatMap { range in
            stride(from: range.lowerBound, to: range.upperBound, by: length).map {
                $0..<min(range.upperBound, $0 + length)
            }
        }
    }
}
