import COpenMPI
import Glibc

/// One number, or a few, of every rank made into one that all have, and waits for each other.
extension Communicator {
    /// x = Σ over ranks, element by element. Collective.
    package func sum(_ x: inout [Double]) { reduce(&x, prefopt_double(), prefopt_sum()) }

    /// The largest of the ranks' numbers, element by element. Collective.
    package func max(_ x: inout [Double]) { reduce(&x, prefopt_double(), prefopt_max()) }

    /// The largest of the ranks' numbers. Collective.
    package func max(_ x: Double) -> Double { reduced(x, prefopt_double(), prefopt_max()) }

    /// The largest of the ranks' numbers. Collective.
    package func max(_ x: Int) -> Int { reduced(x, prefopt_int64(), prefopt_max()) }

    /// The smallest of the ranks' numbers, element by element. Collective.
    package func min(_ x: inout [Double]) { reduce(&x, prefopt_double(), prefopt_min()) }

    /// The smallest of the ranks' numbers. Collective.
    package func min(_ x: Double) -> Double { reduced(x, prefopt_double(), prefopt_min()) }

    /// The smallest of the ranks' numbers. Collective.
    package func min(_ x: Int) -> Int { reduced(x, prefopt_int64(), prefopt_min()) }

    private func reduced<Element>(_ x: Element, _ type: MPI_Datatype, _ operation: MPI_Op) -> Element {
        var x = [x]
        reduce(&x, type, operation)
        return x[0]
    }

    private func reduce<Element>(_ x: inout [Element], _ type: MPI_Datatype, _ operation: MPI_Op) {
        guard let world, size > 1 else { return }
        x.withUnsafeMutableBufferPointer { x in
            guard let base = x.baseAddress else { return }
            let piece = Communicator.bucketBytes / MemoryLayout<Element>.stride
            for start in stride(from: 0, to: x.count, by: piece) {
                let length = Int32(Swift.min(piece, x.count - start))
                MPI_Allreduce(prefopt_in_place(), base + start, length, type, operation, world)
            }
        }
    }

    // MARK: - Waiting

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
}
