import COpenMPI
import Glibc
import Machine

/// The ranks of a job, or of a group of them, and the few verbs they use.
///
/// A process started without a launcher is a job of one rank and never touches MPI. Not `Sendable`: MPI belongs to the
/// thread that initialised it, and the compiler keeps it there. The one exception is `BackgroundSum`: while its thread speaks,
/// no method of the communicator may be called. A method whose doc ends "Collective." must be called by every rank, in the
/// same order.
package final class Communicator {
    /// This rank, `0..<size`.
    package let rank: Int
    /// The number of ranks.
    package let size: Int
    /// The job's ranks on this rank's node, those outside of a group included.
    package let neighbourhood: Neighbourhood
    /// Whether the MPI of every rank lets another of its threads speak while the first is silent.
    package let letsThreadsTakeTurns: Bool
    /// nil for a process without MPI.
    package let world: MPI_Comm?
    /// nil for one rank.
    package let hierarchy: Hierarchy?
    private let isWhole: Bool

    /// Large buffers are reduced in pieces of this many bytes: faster than whole, and far below MPI's 32-bit counts.
    static let bucketBytes = 16 << 20

    /// Joins the job that mpirun or srun started, or makes a job of one.
    ///
    /// - Parameter started: called when MPI has started, before the first messages between ranks.
    /// - Throws: `CollectiveError.initialization` when the launcher is there but MPI doesn't start.
    package convenience init(started: () -> Void = {}) throws(CollectiveError) {
        guard getenv("OMPI_COMM_WORLD_SIZE") != nil || getenv("PMIX_RANK") != nil else {
            self.init(nil, neighbourhood: nil)
            return
        }
        // A rank that waits gives its core away: another rank may need it, and Open MPI doesn't know of cores that nodes
        // share, of containers' limits, or of threads. It costs a waiting rank a system call now and then.
        setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0)
        var provided: Int32 = 0
        guard MPI_Init_thread(nil, nil, Int32(MPI_THREAD_SERIALIZED), &provided) == MPI_SUCCESS else {
            throw .initialization
        }
        started()
        self.init(prefopt_comm_world(), neighbourhood: nil)
    }

    /// - Parameters:
    ///   - world: nil for a process without MPI.
    ///   - neighbourhood: the job's, for a group; nil for the job itself.
    private init(_ world: MPI_Comm?, neighbourhood: Neighbourhood?) {
        var (rank, size, level): (Int32, Int32, Int32) = (0, 1, Int32(MPI_THREAD_SERIALIZED))
        if let world {
            MPI_Comm_rank(world, &rank)
            MPI_Comm_size(world, &size)
            MPI_Query_thread(&level)
            MPI_Allreduce(prefopt_in_place(), &level, 1, prefopt_int32(), prefopt_min(), world)
        }
        letsThreadsTakeTurns = level >= Int32(MPI_THREAD_SERIALIZED)
        self.rank = Int(rank)
        self.size = Int(size)
        self.world = world
        isWhole = neighbourhood == nil
        let place = neighbourhood ?? Neighbourhood(world)
        self.neighbourhood = place
        let ranksPerNode = environment("PREFOPT_RANKS_PER_NODE").flatMap { Int($0) }
        hierarchy = world.flatMap {
            size > 1
                ? Hierarchy(
                    $0, rank: Int(rank), size: Int(size), ranksPerNode: ranksPerNode, isCrowded: place.isCrowded) : nil
        }
    }

    /// Parts the ranks into groups, each with a communicator of its own, to be given back by its `finalize`. Everything
    /// that runs over a communicator runs over a group's; the groups know nothing of each other.
    ///
    /// - Parameter number: this rank's group, 0 or more; its ranks keep their order. nil: in none.
    /// - Returns: nil for a rank in no group. Collective.
    package func group(_ number: Int?) -> Communicator? {
        guard let world else { return number.map { _ in Communicator(nil, neighbourhood: neighbourhood) } }
        var part: MPI_Comm?
        MPI_Comm_split(world, number.map { Int32($0) } ?? Int32(MPI_UNDEFINED), Int32(rank), &part)
        return number.map { _ in Communicator(part, neighbourhood: neighbourhood) }
    }

    /// Whether this rank speaks for the others.
    package var isRoot: Bool { rank == 0 }

    /// Leaves the job, or gives a group back, in good order; nothing may be called after it. Collective.
    package func finalize() {
        hierarchy?.free()
        guard world != nil else { return }
        var part = world
        if isWhole { MPI_Finalize() } else { MPI_Comm_free(&part) }
    }

    /// Ends the whole job at once with an exit status, from any rank, whatever the others are doing, in whatever group.
    package func abort(status: Int32) -> Never {
        if world != nil { MPI_Abort(prefopt_comm_world(), status) }
        exit(status)
    }
}

/// A fault of the ranks themselves.
package enum CollectiveError: Error, Sendable, CustomStringConvertible {
    case initialization

    package var description: String {
        switch self {
        case .initialization:
            "MPI didn't start: the launcher and the libmpi that this program found may be different Open MPI installations; "
                + "compare `mpirun --version` with `ldd swift-prefopt | grep libmpi`"
        }
    }
}
