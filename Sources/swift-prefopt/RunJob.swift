import Collectives
import Glibc
import Kernels
import Liveness
import Machine
import Training

/// Runs a command's work on every rank and ends the process with the documented status.
///
/// An error that all ranks share is told by rank 0, and every rank leaves in good order; an error of one rank alone is told
/// by it, and it ends the whole job, whatever the others wait for.
///
/// - Parameters:
///   - patience: seconds that the ranks may take to find each other.
///   - isWatched: false for a command that waits for its standard input, where standing still is no fault.
///   - needsOneJob: false for a command that tells itself if the processes that were started together aren't ranks of one
///     job; one of them runs it then. The status is 2 all the same.
func runJob(
    patience: Double = Preflight.defaultPatience, isWatched: Bool = true, needsOneJob: Bool = true,
    _ body: (Communicator, Console) throws -> Void
) -> Never {
    let limit = Preflight.watchStart(patience: patience)
    let communicator: Communicator
    do {
        try Preflight.checkInterfaces()
        communicator = try Communicator { limit?.enter(stage: "their first messages") }
    } catch {
        Console(speaks: true).line("swift-prefopt: \(error)")
        exit((error as? PreflightError)?.status ?? 4)
    }
    let launcher = Launcher()
    let separation = launcher.fault(worldSize: communicator.size, library: Communicator.libraryVersion)
    if let separation, needsOneJob || !launcher.isFirst { end(separation, launcher, communicator) }
    let console = Console(speaks: communicator.isRoot)
    var watchdog: Watchdog?
    do {
        try Preflight.run(over: communicator, processorProblem: processorProblem.map { "\($0)" })
        limit?.lift()
        if isWatched { watchdog = Watchdog(over: communicator, console: console) { ThreadPool.isAwaited } }
        try body(communicator, console)
        leave(communicator, watchdog, status: separation == nil ? 0 : 2)
    } catch let failure as SharedFailure {
        // What only another host has seen is to be looked for there.
        let place = failure.host == hostName() ? "" : "rank \(failure.rank) on \(failure.host): "
        console.line("swift-prefopt: \(place)\(failure.message)")
        leave(communicator, watchdog, status: failure.status)
    } catch let error as TrainingError {
        console.line("swift-prefopt: \(error)")
        leave(communicator, watchdog, status: error.status)
    } catch let error as PreflightError {
        console.line("swift-prefopt: \(error)")
        leave(communicator, watchdog, status: error.status)
    } catch {
        console.endProgress()
        Console(speaks: true).line("swift-prefopt: rank \(communicator.rank) on \(hostName()): \(error)")
        // Over a network that is down the abort itself may hang.
        _ = TimeLimit(seconds: 3, stage: "", status: 2) { _ in nil }
        communicator.abort(status: 2)
    }
}

/// Ends processes that were started together and don't know of each other; one of them says why.
private func end(_ separation: String, _ launcher: Launcher, _ communicator: Communicator) -> Never {
    if launcher.isFirst {
        Console(speaks: true).line("swift-prefopt: \(separation)")
    } else {
        // A launcher may kill the rest as soon as one has ended.
        sleep(1)
    }
    communicator.finalize()
    exit(2)
}

/// Leaves the job together with all other ranks, but doesn't wait for ever for one that can't.
private func leave(_ communicator: Communicator, _ watchdog: Watchdog?, status: Int32) -> Never {
    // A rank that is on its way here is still watched: the others wait for it.
    communicator.barrier()
    watchdog?.stop()
    _ = TimeLimit(seconds: 30, stage: "", status: status) { _ in nil }
    communicator.finalize()
    exit(status)
}
