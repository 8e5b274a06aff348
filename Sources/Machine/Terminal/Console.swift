import Glibc

/// A run's messages to the person who started it, on standard error: rank 0 speaks, the others are silent. On a
/// terminal the progress line rewrites itself; otherwise progress is a plain line from time to time.
package final class Console {
    private let speaks: Bool
    private let isTerminal: Bool
    private let descriptor: Int32
    private var hasLiveLine = false
    private var lastProgress = -Double.infinity

    /// Seconds between two plain progress lines of one activity.
    private static let plainInterval = 30.0
    private static let liveInterval = 0.1

    package init(speaks: Bool) {
        self.speaks = speaks
        descriptor = STDERR_FILENO
        isTerminal = isatty(STDERR_FILENO) == 1 || speaks && LaunchingTerminal.shows(launcher: getppid())
    }

    /// A console that speaks into a file, after what is there already; silent if it can't be opened.
    package init(appendingTo path: String) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        speaks = descriptor >= 0
        isTerminal = false
    }

    deinit { if descriptor > STDERR_FILENO { close(descriptor) } }

    /// A line that stays.
    package func line(_ text: String = "") {
        guard speaks else { return }
        write((hasLiveLine ? "\r\u{1B}[K" : "") + text + "\n")
        hasLiveLine = false
    }

    /// Shows the progress of a longer activity. Cheap to call often.
    package func progress(_ text: @autoclosure () -> String, isLast: Bool = false) {
        guard speaks else { return }
        let now = SteadyClock.now()
        guard isLast || now - lastProgress >= (isTerminal ? Console.liveInterval : Console.plainInterval) else {
            return
        }
        lastProgress = now
        if isTerminal {
            write("\r\u{1B}[K" + text())
            hasLiveLine = true
        } else {
            write(text() + "\n")
        }
    }

    /// The live line, if there is one, gives way to what follows.
    package func endProgress() {
        guard hasLiveLine else { return }
        write("\r\u{1B}[K")
        hasLiveLine = false
    }

    /// Starts the interval of plain progress lines anew, so that a short activity prints none.
    package func beginActivity() { lastProgress = SteadyClock.now() }

    private func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }
}
