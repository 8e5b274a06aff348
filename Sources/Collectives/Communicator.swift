import COpenMPI
import Glibc

/// The ranks of a job and the few verbs they use.
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
    /// Whether the MPI of every rank lets another of its threads speak while the first is silent.
    package let letsThreadsTakeTurns: Bool
    let world: MPI_Comm?
    /// nil for one rank.
    let hierarchy: Hierarchy?
    private let isWhole: Bool

    /// Large buffers are reduced in pieces of this many bytes: faster than whole, and far below MPI's 32-bit counts.
    static let bucketBytes = 16 << 20

    /// Joins the job that mpirun or srun started, or makes a job of one.
    ///
    /// - Parameter started: called when MPI has started, before the first messages between ranks.
    /// - Throws: `CollectiveError.initialization` when the launcher is there but MPI doesn't start.
    package convenience init(started: () -> Void = {}) throws(CollectiveError) {
        guard getenv("OMPI_COMM_WORLD_SIZE") != nil || getenv("PMIX_RANK") != nil else {
            self.init(nil, isWhole: true)
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
        self.init(prefopt_comm_world(), isWhole: true)
    }

    private init(_ world: MPI_Comm?, isWhole: Bool) {
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
        self.isWhole = isWhole
        let ranksPerNode = getenv("PREFOPT_RANKS_PER_NODE").flatMap { Int(String(cString: $0)) }
        hierarchy = world.flatMap {
            size > 1 ? Hierarchy($0, rank: Int(rank), size: Int(size), ranksPerNode: ranksPerNode) : nil
        }
    }

    /// The first `count` ranks as a job of their own; nil on the others. To be given back by `finalize`. Collective.
    package func first(_ count: Int) -> Communicator? {
        guard let world else { return self }
        var part: MPI_Comm?
        MPI_Comm_split(world, rank < count ? 0 : Int32(MPI_UNDEFINED), Int32(rank), &part)
        return rank < count ? Communicator(part, isWhole: false) : nil
    }

    /// Whether this rank speaks for the job.
    package var isRoot: Bool { rank == 0 }

    /// Leaves the job in good order; nothing may be called after it. Collective.
    package func finalize() {
        hierarchy?.free()
        guard world != nil else { return }
        var part = world
        if isWhole { MPI_Finalize() } else { MPI_Comm_free(&part) }
    }

    /// Ends the whole job at once with an exit status, from any rank, whatever the others are doing.
    package func abort(status: Int32) -> Never {
        if let world { MPI_Abort(world, status) }
        exit(status)
    }

    // MARK: - Reductions

    /// x = Σ over ranks. Where at most one rank's element isn't zero the sum is exact. Collective.
    package func sum(_ x: inout [Double]) {
        x.withUnsafeMutableBufferPointer { reduce($0, prefopt_double(), prefopt_sum()) }
    }

    /// The largest of the ranks' numbers, element by element. Collective.
    package func max(_ x: inout [Double]) {
        x.withUnsafeMutableBufferPointer { reduce($0, prefopt_double(), prefopt_max()) }
    }

    /// The largest of the ranks' numbers. Collective.
    package func max(_ x: Double) -> Double {
        var values = [x]
        max(&values)
        return values[0]
    }

    /// Waits for every rank. Collective.
    package func barrier() {
        if let world { MPI_Barrier(world) }
    }

    /// Waits for every rank asleep, looking up now and then: for a wait of seconds or more, on cores that others need.
    /// Collective.
    package func sleepUntilAll() {
        guard let world else { return }
        var request: MPI_Request?
        var isDone: Int32 = 0
        MPI_Ibarrier(world, &request)
        while true {
            MPI_Test(&request, &isDone, prefopt_status_ignore())
            guard isDone == 0 else { return }
            usleep(5000)
        }
    }

    // MARK: - Exchanges

    /// Root's bytes on every rank; the other ranks' argument is ignored. Collective.
    package func broadcast(_ bytes: [UInt8], from root: Int = 0) -> [UInt8] {
        guard let world else { return bytes }
        var count = Int64(bytes.count)
        MPI_Bcast(&count, 1, prefopt_int64(), Int32(root), world)
        var result = rank == root ? bytes : [UInt8](repeating: 0, count: Int(count))
        result.withUnsafeMutableBytes { broadcast($0, from: root) }
        return result
    }

    /// Root's numbers on every rank, in place. Collective.
    package func broadcast(_ x: UnsafeMutableBufferPointer<Float>, from root: Int = 0) {
        broadcast(UnsafeMutableRawBufferPointer(x), from: root)
    }

    /// Every rank's words on every rank, in rank order. Collective.
    package func gather(_ words: [Int32]) -> [[Int32]] {
        guard let world else { return [words] }
        var counts = [Double](repeating: 0, count: size)
        counts[rank] = Double(words.count)
        sum(&counts)
        var result: [[Int32]] = []
        for source in 0..<size {
            var part = source == rank ? words : [Int32](repeating: 0, count: Int(counts[source]))
            part.withUnsafeMutableBufferPointer { buffer in
                let piece = Communicator.bucketBytes / 4
                for start in stride(from: 0, to: buffer.count, by: piece) {
                    let length = min(piece, buffer.count - start)
                    MPI_Bcast(buffer.baseAddress! + start, Int32(length), prefopt_int32(), Int32(source), world)
                }
            }
            result.append(part)
        }
        return result
    }

    private func reduce<Element>(_ x: UnsafeMutableBufferPointer<Element>, _ type: MPI_Datatype, _ operation: MPI_Op) {
        guard let world, size > 1 else { return }
        let piece = Communicator.bucketBytes / MemoryLayout<Element>.stride
        for start in stride(from: 0, to: x.count, by: piece) {
            let length = Int32(min(piece, x.count - start))
            MPI_Allreduce(prefopt_in_place(), x.baseAddress! + start, length, type, operation, world)
        }
    }
}

/// What can go wrong with the ranks themselves.
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
