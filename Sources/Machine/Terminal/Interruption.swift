import Glibc
import Synchronization

/// Whether ^C was pressed, for a program that goes on: it ends what is being done, not the program.
package enum Interruption {
    private static let pressed = Atomic<Bool>(false)

    /// Since it was last asked for; asking clears it.
    package static func take() -> Bool { pressed.exchange(false, ordering: .relaxed) }

    /// From now on ^C only leaves a note, and a system call that waits for input ends with it.
    package static func listen() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Interruption.pressed.store(true, ordering: .relaxed) }
        sigemptyset(&action.sa_mask)
        sigaction(SIGINT, &action, nil)
    }
}
