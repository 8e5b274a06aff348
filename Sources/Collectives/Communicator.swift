import COpenMPI
import Glibc

/// The ranks of a job and the few verbs they use.
///
/// A process started without a launcher is a job of one rank and never touches MPI. Not `Sendable`: MPI belongs to the
/// thread that initialised it, and the compiler keeps it there. A method whose doc ends "Collective." must be called by
/// every rank, in the same order.
public final class Communicator {
    /// This rank, `0..<size`.
    public let rank: Int
    /// The number of ranks.
    public let size: Int
    let world: MPI_Comm?

    /// Large buffers are reduced in pieces of this many bytes: faster than whole, and far below MPI's 32-bit counts.
    static let bucketBytes = 16 << 20

    /// Joins the job that mpirun or srun started, or makes a job of one.
    ///
    /// - Throws: `CollectiveError.initialization` when the launcher is there but MPI doesn't start.
    public init() throws(CollectiveError) {
        guard getenv("OMPI_COMM_WORLD_SIZE") != nil || getenv("PMIX_RANK") != nil else {
            (rank, size, world) = (0, 1, nil)
            return
        }
        var provided: Int32 = 0
        guard MPI_Init_thread(nil, nil, Int32(MPI_THREAD_FUNNELED), &provided) == MPI_SUCCESS else {
            throw .initialization
        }
        let world = prefopt_comm_world()
        var (rank, size): (Int32, Int32) = (0, 1)
        MPI_Comm_rank(world, &rank)
        MPI_Comm_size(world, &size)
        self.rank = Int(rank)
        self.size = Int(size)
        self.world = world
    }

    /// Whether this rank speaks for the job.
    public var isRoot: Bool { rank == 0 }

    /// Leaves the job in good order; nothing may be called after it. Collective.
    public func finalize() {
        if world != nil { MPI_Finalize() }
    }

    /// Ends the whole job at once with an exit status, from any rank, whatever the others are doing.
    public func abort(status: Int32) -> Never {
        if let world { MPI_Abort(world, status) }
        exit(status)
    }

    // MARK: - Reductions

    /// x = Σ over ranks, in place. Bits repeat for a given number of ranks and differ between numbers of ranks. Collective.
    public func sum(_ x: UnsafeMutableBufferPointer<Float>) { reduce(x, prefopt_float(), prefopt_sum()) }

    /// x = Σ over ranks, exact in any order. Collective.
    public func sum(_ x: UnsafeMutableBufferPointer<Int64>) { reduce(x, prefopt_int64(), prefopt_sum()) }

    /// x = Σ over ranks. Where at most one rank's element isn't zero the sum is exact. Collective.
    public func sum(_ x: inout [Double]) {
        x.withUnsafeMutableBufferPointer { reduce($0, prefopt_double(), prefopt_sum()) }
    }

    /// The largest of the ranks' numbers, element by element. Collective.
    public func max(_ x: inout [Double]) {
        x.withUnsafeMutableBufferPointer { reduce($0, prefopt_double(), prefopt_max()) }
    }

    /// The largest of the ranks' numbers. Collective.
    public func max(_ x: Double) -> Double {
        var values = [x]
        max(&values)
        return values[0]
    }

    /// Waits for every rank. Collective.
    public func barrier() {
        if let world { MPI_Barrier(world) }
    }

    // MARK: - Exchanges

    /// Root's bytes on every rank; the other ranks' argument is ignored. Collective.
    public func broadcast(_ bytes: [UInt8], from root: Int = 0) -> [UInt8] {
        guard let world else { return bytes }
        var count = Int64(bytes.count)
        MPI_Bcast(&count, 1, prefopt_int64(), Int32(root), world)
        var result = rank == root ? bytes : [UInt8](repeating: 0, count: Int(count))
        result.withUnsafeMutableBytes { buffer in
            for start in stride(from: 0, to: buffer.count, by: Communicator.bucketBytes) {
                let length = min(Communicator.bucketBytes, buffer.count - start)
                MPI_Bcast(buffer.baseAddress! + start, Int32(length), prefopt_byte(), Int32(root), world)
            }
        }
        return result
    }

    /// Root's numbers on every rank, in place. Collective.
    public func broadcast(_ x: UnsafeMutableBufferPointer<Float>, from root: Int = 0) {
        guard let world else { return }
        let piece = Communicator.bucketBytes / 4
        for start in stride(from: 0, to: x.count, by: piece) {
            MPI_Bcast(x.baseAddress! + start, Int32(min(piece, x.count - start)), prefopt_float(), Int32(root), world)
        }
    }

    /// Every rank's words on every rank, in rank order. Collective.
    public func gather(_ words: [Int32]) -> [[Int32]] {
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
public enum CollectiveError: Error, Sendable, CustomStringConvertible {
    case initialization

    public var description: String {
        switch self {
        case .initialization:
            "MPI didn't start: the launcher and the libmpi that this program found may be different Open MPI installations; "
                + "compare `mpirun --version` with `ldd swift-prefopt | grep libmpi`"
        }
    }
}
