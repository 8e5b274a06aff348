import Collectives
import Machine
import Training

/// Groups of a job's ranks, each of which trains one run at a time.
package struct SweepGroups {
    /// Ranks of each group, in the order of the groups.
    package let sizes: [Int]
    /// Why so many, in words.
    let reason: String

    /// - Parameters:
    ///   - wanted: as many groups as were asked for; nil: as many as let all runs end first, by their predicted costs.
    ///   - costs: of each open run on a number of ranks.
    package init(wanted: Int?, ranks: Int, costs: [(Int) -> Double]) {
        let most = max(1, min(ranks, costs.count))
        if let wanted {
            sizes = SweepGroups.sizes(min(wanted, most), of: ranks)
            reason = wanted > most ? "no more than there are ranks and open runs" : "as asked for"
            return
        }
        guard most > 1 else {
            sizes = [ranks]
            reason = ranks == 1 ? "there is one rank" : "there is one open run"
            return
        }
        // Of many ranks not every number is tried.
        let candidates = Set((0..<24).map { max(1, most * ($0 + 1) / 24) } + Array(1...min(8, most))).sorted()
        var known: [Int: [Double]] = [:]
        let ends = candidates.map { count in
            let sizes = SweepGroups.sizes(count, of: ranks)
            for size in Set(sizes) where known[size] == nil { known[size] = costs.map { $0(size) } }
            return (count: count, end: SweepGroups.end(sizes.map { known[$0] ?? [] }))
        }
        // Of equal ends the more groups: what is predicted is only the arithmetic.
        let best = ends.min { ($0.end, -$0.count) < ($1.end, -$1.count) } ?? (1, 0)
        sizes = SweepGroups.sizes(best.count, of: ranks)
        let others = ends.filter { $0.count != best.count }.sorted { $0.end < $1.end }.prefix(3)
        reason =
            "predicted to end first"
            + (others.isEmpty
                ? ""
                : "; " + others.map { "\($0.count) would take \(fixed($0.end / max(best.end, .leastNonzeroMagnitude), 2)) ×" }
                    .joined(separator: ", ")) + "; --groups N chooses"
    }

    /// As equal as possible, the larger ones first.
    private static func sizes(_ count: Int, of ranks: Int) -> [Int] {
        (0..<count).map { ranks / count + ($0 < ranks % count ? 1 : 0) }
    }

    /// When the last run ends, if each group takes the next one as soon as it is free.
    /// - Parameter costs: of each group those of all runs.
    private static func end(_ costs: [[Double]]) -> Double {
        var free = [Double](repeating: 0, count: costs.count)
        for run in costs[0].indices.sorted(by: { costs[0][$0] > costs[0][$1] }) {
            let group = free.indices.min { free[$0] < free[$1] } ?? 0
            free[group] += costs[group][run]
        }
        return free.max() ?? 0
    }

    /// The group of each rank: those of a node stay together as far as can be.
    package func members(nodes: [[Int]]) -> [Int] {
        var groups = sizes.indices.flatMap { group in [Int](repeating: group, count: sizes[group]) }
        for (place, rank) in nodes.joined().enumerated() {
            groups[rank] = sizes.indices.first { place < sizes[...$0].reduce(0, +) } ?? 0
        }
        return groups
    }

    var text: String {
        let each =
            Set(sizes).count == 1
            ? "of \(sizes[0]) rank\(sizes[0] == 1 ? "" : "s")"
            : "of \(sizes[sizes.count - 1]) or \(sizes[0]) ranks"
        return "\(sizes.count) group\(sizes.count == 1 ? "" : "s") \(each): \(reason)"
    }
}
