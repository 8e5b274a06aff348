/// The division of a long vector among the ranks: one run of neighbouring elements for each, in rank order, as equal as
/// whole grains allow. A short vector leaves some ranks nothing.
package struct Shards: Sendable, Equatable {
    /// Elements of the whole vector.
    package let count: Int
    package let ranks: Int
    /// Elements that are never parted.
    package let grain: Int

    package init(count: Int, ranks: Int, grain: Int) {
        self.count = count
        self.ranks = ranks
        self.grain = grain
    }

    package subscript(rank: Int) -> Range<Int> { border(before: rank)..<border(before: rank + 1) }

    private func border(before rank: Int) -> Int {
        let grains = (count + grain - 1) / grain
        let (quotient, remainder) = grains.quotientAndRemainder(dividingBy: ranks)
        return min(count, grain * (quotient * rank + remainder * rank / ranks))
    }
}
