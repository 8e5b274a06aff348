/// The tokens of a response that are scored: usually one span up to its end; several where a dialogue's earlier answers
/// are scored too.
package struct ScoredSpans: Sendable, Equatable {
    /// Tokens before the first scored one.
    package let head: Int
    /// Unscored tokens between scored ones, in order, as places in the response.
    package let gaps: [Range<Int>]
    /// Tokens of the response, of which the last is scored.
    package let end: Int

    /// - Parameters:
    ///   - end: tokens of the response.
    ///   - gaps: between `head` and `end`, neither empty nor next to each other.
    package init(to end: Int, after head: Int = 0, without gaps: [Range<Int>] = []) {
        (self.head, self.gaps, self.end) = (head, gaps, end)
    }

    /// n, the number of scored tokens.
    package var count: Int { gaps.reduce(end - head) { $0 - $1.count } }

    /// Places of the scored tokens, in order.
    package var ranges: [Range<Int>] {
        zip([head] + gaps.map(\.upperBound), gaps.map(\.lowerBound) + [end]).map { $0..<$1 }
    }

    /// The spans that are left in a response that loses its end; nil without a scored token.
    func cut(to count: Int) -> ScoredSpans? {
        guard count > head else { return nil }
        let kept = gaps.filter { $0.lowerBound < count }
        guard let last = kept.last, last.upperBound >= count else {
            return ScoredSpans(to: min(end, count), after: head, without: kept)
        }
        return ScoredSpans(to: last.lowerBound, after: head, without: Array(kept.dropLast()))
    }

    /// Numbers that tell apart spans of the same tokens, beside `head`: none for a single one. Below 0, as no token is.
    package var gapNumbers: [Int32] { gaps.flatMap { [~Int32($0.lowerBound), ~Int32($0.upperBound)] } }
}
