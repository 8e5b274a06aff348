import COpenMPI
import Glibc

/// The ranks of a job on its nodes, and the two ways that vectors take: inside a node through shared memory,
/// between nodes in rings.
///
/// There are as many rings, called lanes, as the smallest node has ranks: lane l joins the ranks that are number l on their
/// nodes, and each lane carries its part of a vector at the same time as the others. The rank numbers of a node needn't be
/// consecutive. Where memory can't be shared every rank counts as a node.
package final class Hierarchy {
    /// World ranks of each node, ascending; nodes by their first rank.
    package let nodes: [[Int]]
    /// This rank's node.
    package let home: Int
    /// This rank among those of its node.
    package let place: Int
    package let lanes: Int
    /// Whether ranks of one node share memory; false as well where none has a neighbour.
    package let sharesMemory: Bool
    /// nil for a rank without neighbours.
    package let exchange: NodeExchange?
    /// nil on one node, and for ranks that are in no lane.
    package let ring: Ring?
    private var node: MPI_Comm?
    private var lane: MPI_Comm?

    /// - Parameters:
    ///   - world: of `size` ranks, of which this is number `rank`.
    ///   - ranksPerNode: takes every so many ranks of a node for a node of their own, so that one machine can be tried as
    ///     several; nil: as they are.
    ///   - isCrowded: whether ranks of a node may have to share cores.
    /// Collective.
    package init(_ world: MPI_Comm, rank: Int, size: Int, ranksPerNode: Int?, isCrowded: Bool) {
        var node: MPI_Comm?
        MPI_Comm_split_type(world, Int32(MPI_COMM_TYPE_SHARED), Int32(rank), prefopt_info_null(), &node)
        if let ranksPerNode, ranksPerNode > 0 {
            var whole = node
            MPI_Comm_split(whole, Int32(rank / ranksPerNode), Int32(rank), &node)
            MPI_Comm_free(&whole)
        }
        // A window that can't be had is an answer, not the end of the job.
        MPI_Comm_set_errhandler(node, prefopt_errors_return())
        var neighbours: Int32 = 1
        MPI_Comm_size(node, &neighbours)
        let exchange = neighbours > 1 ? node.flatMap { NodeExchange($0, isCrowded: isCrowded) } : nil
        var fails: Int32 = neighbours > 1 && exchange == nil ? 1 : 0
        MPI_Allreduce(prefopt_in_place(), &fails, 1, prefopt_int32(), prefopt_max(), world)
        if fails != 0 { exchange?.free() }

        // The first rank of each rank's node stands for the node.
        var first = Int32(rank)
        if fails == 0 { MPI_Allreduce(prefopt_in_place(), &first, 1, prefopt_int32(), prefopt_min(), node) }
        var firsts = [Int32](repeating: 0, count: size)
        MPI_Allgather(&first, 1, prefopt_int32(), &firsts, 1, prefopt_int32(), world)
        let nodes = Set(firsts).sorted().map { first in firsts.indices.filter { firsts[$0] == first } }
        let home = nodes.firstIndex { $0.contains(rank) } ?? 0
        let place = nodes[home].firstIndex(of: rank) ?? 0
        let lanes = nodes.map(\.count).min() ?? 1

        var lane: MPI_Comm?
        MPI_Comm_split(world, place < lanes ? Int32(place) : Int32(MPI_UNDEFINED), Int32(home), &lane)
        ring = nodes.count > 1 && place < lanes ? lane.map { Ring($0) } : nil
        (self.nodes, self.home, self.place, self.lanes) = (nodes, home, place, lanes)
        sharesMemory = fails == 0 && neighbours > 1
        self.exchange = fails == 0 ? exchange : nil
        (self.node, self.lane) = (node, lane)
    }

    /// Collective.
    func free() {
        exchange?.free()
        for var part in [node, lane] where part != nil && part != prefopt_comm_null() { MPI_Comm_free(&part) }
    }

    /// The shards of the ranks of a node that a lane carries.
    private func shards(_ shards: [Range<Int>], ofNode node: Int, lane: Int) -> [Range<Int>] {
        stride(from: lane, to: nodes[node].count, by: lanes).map { shards[nodes[node][$0]] }.filter { !$0.isEmpty }
    }

    // MARK: - Vectors

    /// Sums each shard onto its owner.
    package func sum<Encoding: WireEncoding>(
        _ x: UnsafeMutablePointer<Encoding.Element>, _ shards: [Range<Int>], as encoding: Encoding.Type
    ) {
        exchange?.exchange(x, owned: carried(shards, from: Array(nodes.indices)), .sum)
        ring?.sum(x, nodes.indices.map { self.shards(shards, ofNode: $0, lane: place) }, as: encoding)
        // What lanes carried for ranks that are in none.
        if nodes[home].count > lanes { exchange?.exchange(x, owned: carried(shards, from: [home]), .gather) }
    }

    /// Each shard as its owner has it, on all ranks.
    package func gather<Encoding: WireEncoding>(
        _ x: UnsafeMutablePointer<Encoding.Element>, _ shards: [Range<Int>], as encoding: Encoding.Type
    ) {
        guard nodes.count > 1 else {
            exchange?.exchange(x, owned: nodes[0].map { [shards[$0]] }, .gather)
            return
        }
        if nodes[home].count > lanes { exchange?.exchange(x, owned: nodes[home].map { [shards[$0]] }, .gather) }
        ring?.gather(x, nodes.indices.map { self.shards(shards, ofNode: $0, lane: place) }, as: encoding)
        let others = nodes[home].count > lanes ? nodes.indices.filter { $0 != home } : Array(nodes.indices)
        exchange?.exchange(x, owned: carried(shards, from: others), .gather)
    }

    /// The parts of some nodes' shards that each rank of this node carries.
    private func carried(_ shards: [Range<Int>], from others: [Int]) -> [[Range<Int>]] {
        nodes[home].indices.map { place in
            place < lanes ? others.flatMap { self.shards(shards, ofNode: $0, lane: place) } : []
        }
    }
}
