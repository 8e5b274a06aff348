import Glibc
import Machine
import Synchronization

/// Ends the process when what it does next takes too long, for calls that can't be interrupted: MPI that starts, first
/// messages that never arrive, an abort over a dead network. A thread of its own sees to it.
package final class TimeLimit: Sendable {
    private let isLifted = Atomic<Bool>(false)
    private let stage: Mutex<String>

    /// - Parameters:
    ///   - stage: what is being done, for the message.
    ///   - status: of the process.
    ///   - message: of the stage; nil ends the process without a word.
    package init(
        seconds: Double, stage: String, status: Int32 = 4, message: @escaping @Sendable (_ stage: String) -> String?
    ) {
        self.stage = Mutex(stage)
        let end = SteadyClock.now() + seconds
        _ = WorkerThread { [self] in
            while SteadyClock.now() < end {
                if isLifted.load(ordering: .acquiring) { return }
                usleep(20_000)
            }
            if isLifted.load(ordering: .acquiring) { return }
            if let text = message(self.stage.withLock { $0 }) { Console(speaks: true).line("swift-prefopt: \(text)") }
            _exit(status)
        }
    }

    package func enter(stage next: String) { stage.withLock { $0 = next } }

    /// Ends the limit: the work was done in time.
    package func lift() { isLifted.store(true, ordering: .releasing) }
}
