import Glibc
import Synchronization

/// Whether a signal asked the run to save and end. mpirun passes SIGUSR1 and SIGUSR2 on to all ranks, Slurm sends them
/// before a time limit, and SIGTERM reaches a single process. So does SIGINT, from the keyboard; a second one ends the
/// process at once.
package enum StopSignal {
    private static let requested = Atomic<Bool>(false)

    package static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// The run asks itself.
    package static func request() { requested.store(true, ordering: .relaxed) }

    /// From now on these signals only leave a note, also where a launcher left them blocked.
    package static func listen() {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGUSR1, SIGUSR2, SIGTERM] {
            signal(number) { _ in StopSignal.requested.store(true, ordering: .relaxed) }
            sigaddset(&signals, number)
        }
        signal(SIGINT) { _ in
            if StopSignal.requested.exchange(true, ordering: .relaxed) { _exit(128 + SIGINT) }
            let note = StaticString("\nstopping after this step; once more to stop at once\n")
            _ = write(STDERR_FILENO, note.utf8Start, note.utf8CodeUnitCount)
        }
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }
}
