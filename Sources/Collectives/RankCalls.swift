import CMPICalls
import COpenMPI
import Glibc
import Synchronization

/// This rank's calls to other ranks, as any of its threads may see them.
package enum RankCalls {
    /// The number of calls that have returned.
    package static var finished: Int { Int(prefopt_mpi_calls_done()) }

    /// Counts a wait for other ranks that isn't one call of MPI as if it were: over shared memory, say.
    static func waiting<Value>(_ body: () -> Value) -> Value {
        prefopt_mpi_wait_begins()
        defer { prefopt_mpi_wait_ends() }
        return body()
    }

    /// Whether another thread waits for other ranks while the main one computes.
    static let areBesideComputing = Atomic<Bool>(false)

    /// Before a wait that turns on the spot: as long as the main thread needs the core, asks asleep whether the wait is over.
    static func sleep(until isOver: () -> Bool) {
        while areBesideComputing.load(ordering: .relaxed), !isOver() { usleep(napMicroseconds) }
    }

    /// With what the kernel adds 0.1 ms, in which 12 KB come at 1 Gbit/s: less than a socket holds.
    private static let napMicroseconds: UInt32 = 50

    /// Sees to it that Open MPI's launcher on this host ends too. When a rank has ended, mpirun waits for all hosts, also
    /// for one that was cut off.
    package static func endLauncher(afterSeconds seconds: Int) { prefopt_end_launcher_after(UInt32(seconds)) }

    /// Whether the rank is inside one, waiting for others.
    package static var isInside: Bool { prefopt_mpi_calls_begun() > prefopt_mpi_calls_done() }
}

extension Communicator {
    /// The MPI library found at run time, as it names itself up to the first comma.
    package static var libraryVersion: String {
        var text = [CChar](repeating: 0, count: 256)
        prefopt_mpi_library_version(&text, text.count)
        let full = text.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return String(full.prefix { $0 != "," })
    }
}
