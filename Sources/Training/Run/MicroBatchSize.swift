import Collectives
import Glibc
import Kernels
import Machine
import Modeling
import Storage

/// The tokens of a micro-batch when the run file doesn't say them.
enum MicroBatchSize {
    /// With `reproducible`: what is added up before rounding must not depend on the machine.
    static let reproducible = 2048

    /// Above the largest a step gets no faster (docs/performance.md): weights are read and gradients written often enough
    /// for their traffic to vanish behind the products.
    private static let choices = [4096, 2048, 1024, 512, 256]

    /// The share of the free memory that may be taken.
    private static let share = 0.85

    /// The largest choice whose arrays fit, on every rank, into its part of its node's free memory; else the smallest.
    ///
    /// - Parameters:
    ///   - resident: bytes of the arrays that are still to come whatever the micro-batch is.
    ///   - longest: rows of the largest comparison, which is never cut.
    ///   - keys: tokens of the longest sequence.
    /// Collective.
    static func chosen(
        for a: Architecture, low: LowRankExtent = .none, purpose: Workspace.Purpose, resident: Int, longest: Int,
        keys: Int, threads: Int,
        over communicator: Communicator
    ) -> Int {
        let free = share * Double(communicator.neighbourhood.freeMemory)
        let fitting = choices.first { tokens in
            var extent = BatchExtent()
            let rows = max(tokens, longest)
            (extent.rows, extent.outputRows, extent.scoredRows, extent.keys) = (rows, rows, rows, keys)
            let floats = Workspace.forecast(a, low: low, extent: extent, purpose: purpose, threads: threads)
                .reduce(0) { $0 + $1.floats }
            return Double(resident + 4 * floats) <= free
        }
        return communicator.min(fitting ?? choices[choices.count - 1])
    }
}
