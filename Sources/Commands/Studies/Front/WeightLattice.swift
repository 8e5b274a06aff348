/// Weights of several objectives that sum to 1: the multiples of 1/n, from all on the first to all on the last.
struct WeightLattice {
    let parts: Int
    /// Each n times the weights.
    let counts: [[Int]]

    init(objectives: Int, parts: Int) {
        self.parts = parts
        counts = WeightLattice.sums(of: parts, over: objectives)
    }

    /// All ways to write a number as an ordered sum of so many, the first as great as can be first.
    private static func sums(of total: Int, over terms: Int) -> [[Int]] {
        guard terms > 1 else { return [[total]] }
        return stride(from: total, through: 0, by: -1).flatMap { first in
            sums(of: total - first, over: terms - 1).map { [first] + $0 }
        }
    }

    func weights(_ counts: [Int]) -> [Double] { counts.map { Double($0) / Double(parts) } }

    /// The objective that has all the weight, if one has.
    func end(_ counts: [Int]) -> Int? { counts.firstIndex(of: parts) }
}
