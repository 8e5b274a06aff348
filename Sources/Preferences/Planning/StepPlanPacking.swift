/// Longest processing time first, twice: comparisons into micro-batches, micro-batches onto ranks.
///
/// Pure arithmetic on rows and costs; ties go to the lower index, so equal input gives equal output everywhere.
enum StepPlanPacking {
    /// Cuts comparisons into micro-batches of at most `capacity` rows and nearly equal cost; one that is larger than
    /// that has a micro-batch to itself. Returned in the order of their first comparisons.
    ///
    /// Their number is the least that the sizes allow, rounded up by `evenNumber` as far as there are comparisons, and
    /// grows until the greedy placement fits.
    static func microBatches(
        of comparisons: [PlannedComparison], capacity: Int, worldSize: Int?
    ) -> [PlannedMicroBatch] {
        var bins = comparisons.indices.filter { comparisons[$0].rows > capacity }.map { [$0] }
        let order = descending(comparisons.indices.filter { comparisons[$0].rows <= capacity }) { comparisons[$0].cost }
        if !order.isEmpty {
            let rows = order.reduce(0) { $0 + comparisons[$1].rows }
            // No two of these share a micro-batch.
            let halves = order.count { comparisons[$0].rows > capacity / 2 }
            var number = max((rows + capacity - 1) / capacity, halves)
            while true {
                let even = evenNumber(number + bins.count, worldSize: worldSize)
                number = min(even - bins.count, order.count)
                let placement = place(order, of: comparisons, into: number, capacity: capacity)
                if placement.unplacedRows == 0 {
                    bins += placement.bins.filter { !$0.isEmpty }
                    break
                }
                number += max(placement.unplacedRows / capacity, 1)
            }
        }
        return bins.map { $0.sorted() }.sorted { $0[0] < $1[0] }
            .map { PlannedMicroBatch($0.map { comparisons[$0] }) }
    }

    /// The least number of micro-batches from `number` on that spreads evenly over the ranks.
    ///
    /// A world size of nil stands for any: a multiple of 12, for more than that of 24 and then of 48, so that 1, 2, 3,
    /// 4, 6, 8, 12, 16, 24 or 48 ranks have equal numbers of them wherever there are several for each.
    private static func evenNumber(_ number: Int, worldSize: Int?) -> Int {
        let multiple = worldSize ?? (number <= 12 ? 12 : number <= 24 ? 24 : 48)
        return (number + multiple - 1) / multiple * multiple
    }

    /// For each rank the indices of its work, ascending, the largest sum of costs kept small.
    static func ranks(of costs: [Double], worldSize: Int) -> [[Int]] {
        var shares = [[Int]](repeating: [], count: worldSize)
        var loads = [Double](repeating: 0, count: worldSize)
        for index in descending(Array(costs.indices), by: { costs[$0] }) {
            var lightest = 0
            for rank in 1..<worldSize where loads[rank] < loads[lightest] { lightest = rank }
            shares[lightest].append(index)
            loads[lightest] += costs[index]
        }
        return shares.map { $0.sorted() }
    }

    /// Puts each comparison into the cheapest bin that still has room; what fits nowhere is counted and left out.
    private static func place(
        _ order: [Int], of comparisons: [PlannedComparison], into number: Int, capacity: Int
    ) -> (bins: [[Int]], unplacedRows: Int) {
        var bins = [[Int]](repeating: [], count: number)
        var rows = [Int](repeating: 0, count: number)
        var costs = [Double](repeating: 0, count: number)
        var unplacedRows = 0
        for index in order {
            let room = capacity - comparisons[index].rows
            var best: Int?
            var bestCost = Double.infinity
            for bin in 0..<number where rows[bin] <= room && costs[bin] < bestCost {
                best = bin
                bestCost = costs[bin]
            }
            guard let best else {
                unplacedRows += comparisons[index].rows
                continue
            }
            bins[best].append(index)
            rows[best] += comparisons[index].rows
            costs[best] += comparisons[index].cost
        }
        return (bins, unplacedRows)
    }

    private static func descending(_ indices: [Int], by cost: (Int) -> Double) -> [Int] {
        let keyed = indices.map { (cost: cost($0), index: $0) }
        return keyed.sorted { $0.cost != $1.cost ? $0.cost > $1.cost : $0.index < $1.index }.map(\.index)
    }
}
