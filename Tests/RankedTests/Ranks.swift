import Collectives
import Glibc

/// The ranks that a test runs on: those of the mpirun around this bundle (see `Layout.run`), else one.
///
/// Tests "on ranks" are suites whose names end so. Each of their tests runs on all ranks at once, in the same order, and asks
/// for the communicator here; without mpirun they are tests of a job of one.
package enum Ranks {
    private nonisolated(unsafe) static let started: Result<Communicator, any Error> = Result {
        let communicator = try Communicator()
        // A rank that leaves without a word would be taken for one that failed.
        atexit { (try? Ranks.started.get())?.finalize() }
        return communicator
    }

    /// All of them, having made sure that every rank is at the same test: otherwise their messages would mix.
    ///
    /// - Throws: `CollectiveError`, or `Divergence` on every rank. Collective.
    package static func here(_ test: String = #function) throws -> Communicator {
        let communicator = try started.get()
        let tests = communicator.gather(test)
        guard Set(tests).count == 1 else { throw Divergence(tests: tests) }
        return communicator
    }

    /// Ranks are at different tests: the order of tests isn't the same everywhere.
    struct Divergence: Error { let tests: [String] }
}

/// A number as a rank has it at a place of a vector: whole and small, so that sums in float32 are exact, and different enough
/// that a wrong sum tells what is missing.
package func testNumber(rank: Int, at place: Int) -> Int { (place * 7 + rank * 29) % 61 + rank }

/// The sum of all ranks' numbers at a place.
package func testSum(ranks: Int, at place: Int) -> Int {
    (0..<ranks).reduce(0) { $0 + testNumber(rank: $1, at: place) }
}
