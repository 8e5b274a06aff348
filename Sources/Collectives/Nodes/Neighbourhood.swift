import COpenMPI
import Glibc
import Machine

/// The job's ranks on this rank's node: their number, as MPI finds it whatever the launcher says, divides
/// cores and memory.
package struct Neighbourhood: Sendable, Equatable {
    /// Ranks of the job on this node, this one included.
    package let ranks: Int
    /// Those of them that may run on a CPU which this one may run on: 1 where the launcher has bound each to its own.
    package let ranksOnSameCores: Int
    /// Whether the node's ranks are more than the CPUs that they may run on.
    package let isCrowded: Bool
    /// Physical cores that are this rank's part, at least one: of those that it may run on, or as many as a control group
    /// leaves it the time of.
    package let cores: Int

    /// Collective.
    init(_ world: MPI_Comm?) {
        let processors = Processors()
        // A bit for each CPU that a rank of this node may run on.
        let sets = world.map { Neighbourhood.gather(processors, over: $0) } ?? [Neighbourhood.set(processors)]
        let own = Neighbourhood.set(processors)
        ranks = sets.count
        ranksOnSameCores = Swift.max(1, sets.count { zip($0, own).contains { $0 & $1 != 0 } })
        let cpus = own.indices.reduce(0) { sum, byte in sum + sets.reduce(0) { $0 | $1[byte] }.nonzeroBitCount }
        isCrowded = cpus < ranks
        var cores = Double(processors.allowedCores) / Double(ranksOnSameCores)
        if let limit = ControlGroup().processors { cores = Swift.min(cores, limit.rounded(.up) / Double(ranks)) }
        self.cores = Swift.max(1, Int(cores))
    }

    /// Bytes that this rank may take of what is free now, if all ranks of the node take as much.
    package var freeMemory: Int { FreeMemory.bytes() / ranks }

    /// The CPUs that this process may run on, of all that are online.
    private static func set(_ processors: Processors) -> [UInt8] {
        var set = [UInt8](repeating: 0, count: (processors.online.last ?? 0) / 8 + 1)
        for cpu in processors.allowed { set[cpu / 8] |= 1 << UInt8(cpu % 8) }
        return set
    }

    /// The sets of all ranks of this node. Collective.
    private static func gather(_ processors: Processors, over world: MPI_Comm) -> [[UInt8]] {
        var rank: Int32 = 0
        MPI_Comm_rank(world, &rank)
        var node: MPI_Comm?
        MPI_Comm_split_type(world, Int32(MPI_COMM_TYPE_SHARED), rank, prefopt_info_null(), &node)
        defer { MPI_Comm_free(&node) }
        var size: Int32 = 1
        MPI_Comm_size(node, &size)
        var own = set(processors)
        let count = own.count
        var all = [UInt8](repeating: 0, count: count * Int(size))
        MPI_Allgather(&own, Int32(count), prefopt_byte(), &all, Int32(count), prefopt_byte(), node)
        return (0..<Int(size)).map { Array(all[$0 * count..<($0 + 1) * count]) }
    }
}
