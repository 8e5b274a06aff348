import COpenMPI
import Glibc

/// Memory that the ranks of a node have in common.
final class SharedWindow {
    let base: UnsafeMutableRawPointer
    let bytes: Int
    private var window: MPI_Win?

    /// - Parameter node: the communicator of the node's ranks.
    /// - Returns: nil, on all of them, where the operating system or MPI gives none: a container's small /dev/shm, for
    ///   instance. Collective.
    init?(bytes: Int, over node: MPI_Comm) {
        self.bytes = bytes
        var rank: Int32 = 0
        MPI_Comm_rank(node, &rank)
        // The first rank provides all of it, so that it lies in one piece.
        var own: UnsafeMutableRawPointer?
        let status = MPI_Win_allocate_shared(
            MPI_Aint(rank == 0 ? max(bytes, 1) : 0), 1, prefopt_info_null(), node, &own, &window)
        var (size, unit) = (MPI_Aint(0), Int32(0))
        var address: UnsafeMutableRawPointer?
        if status == MPI_SUCCESS, let window { MPI_Win_shared_query(window, 0, &size, &unit, &address) }
        var missing: Int32 = address == nil ? 1 : 0
        MPI_Allreduce(prefopt_in_place(), &missing, 1, prefopt_int32(), prefopt_max(), node)
        guard missing == 0, let address else { return nil }
        base = address
        // Taken up where the administrator allows it for shared memory.
        madvise(address, bytes, MADV_HUGEPAGE)
    }

    /// Gives it back; nobody may use it any more. Collective.
    func free() {
        if window != nil { MPI_Win_free(&window) }
    }
}
