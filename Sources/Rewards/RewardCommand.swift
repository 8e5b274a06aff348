import Glibc
import Machine
import Storage

/// Asks a program for rewards: it reads one JSON object a line, `{"prompt", "response"}`, and answers each with a line
/// `{"reward": x}`, in the same order. It is started once, by `sh -c`.
///
/// A few dozen questions are under way at once, so that a program may answer in batches; one that waits for the end of its
/// input before it answers is therefore no reward program.
package final class RewardCommand {
    private let command: String
    private let process: pid_t
    private let input: Int32
    private let output: Int32
    private var unsent: [UInt8] = []
    private var received: [UInt8] = []
    private let patience: Double
    /// The system's status of the ended process; nil while it runs.
    private var status: Int32?

    /// Questions under way at most.
    private static let window = 64

    /// - Parameter patience: seconds in which an answer must come.
    /// - Throws: `RewardError.failed`.
    package init(_ command: String, patience: Double = 120) throws(RewardError) {
        self.command = command
        self.patience = patience
        var (questions, answers) = ([Int32](repeating: -1, count: 2), [Int32](repeating: -1, count: 2))
        guard pipe(&questions) == 0, pipe(&answers) == 0 else {
            throw .failed(
                source: "command \(command)", row: 1, problem: "no pipe: \(String(cString: strerror(errno)))",
                remedy: "raise the limit of open files")
        }
        for descriptor in questions + answers { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, questions[0], STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, answers[1], STDOUT_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own, so that all it starts ends with it; this program ignores SIGPIPE, others shall not.
        var defaults = sigset_t()
        sigemptyset(&defaults)
        sigaddset(&defaults, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
        var process = pid_t()
        let words: [UnsafeMutablePointer<CChar>?] =
            ["sh", "-c", command].map { (word: String) in strdup(word) } + [nil]
        defer { for word in words { free(word) } }
        let code = posix_spawn(&process, "/bin/sh", &actions, &attributes, words, environ)
        Glibc.close(questions[0])
        Glibc.close(answers[1])
        (self.process, input, output) = (process, questions[1], answers[0])
        guard code == 0 else {
            throw .failed(
                source: "command \(command)", row: 1, problem: "can't be started: \(String(cString: strerror(code)))",
                remedy: "check the program")
        }
        for descriptor in [input, output] {
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        }
    }

    deinit {
        Glibc.close(input)
        Glibc.close(output)
        // A program that ends with its input gets a moment to do so.
        for _ in 0..<50 where !hasEnded() { usleep(10_000) }
        guard !hasEnded() else { return }
        kill(-process, SIGKILL)
        waitpid(process, nil, 0)
    }

    /// Rewards of texts, told one by one in their order as the answers come.
    /// - Throws: `RewardError.failed`, naming the row whose answer is missing or wrong.
    package func rewards(
        of texts: [RatedText], each tell: (_ index: Int, _ reward: Double) throws(RewardError) -> Void
    ) throws(RewardError) {
        var (asked, answered) = (0, 0)
        while answered < texts.count {
            while asked < texts.count, asked < answered + Self.window {
                unsent += Array((texts[asked].json.text + "\n").utf8)
                asked += 1
            }
            let line = try answer(to: texts[answered])
            try tell(answered, try reward(in: line, of: texts[answered]))
            answered += 1
        }
    }

    /// The next line, while questions are sent on.
    private func answer(to text: RatedText) throws(RewardError) -> String {
        var end = SteadyClock.now() + patience
        while true {
            if let newline = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: received[..<newline], as: UTF8.self)
                received.removeFirst(newline + 1)
                return line
            }
            var waits = [pollfd(fd: output, events: Int16(POLLIN), revents: 0)]
            if !unsent.isEmpty { waits.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
            let left = end - SteadyClock.now()
            guard left > 0 else {
                throw failure(text, "gave no answer in \(Int(patience)) s", "see why it hangs")
            }
            guard poll(&waits, nfds_t(waits.count), Int32(min(left, 1) * 1000) + 1) >= 0 || errno == EINTR else {
                throw failure(text, String(cString: strerror(errno)), "try again")
            }
            if waits[0].revents != 0 {
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                let count = Glibc.read(output, &buffer, buffer.count)
                if count > 0 {
                    received += buffer[..<count]
                    guard received.count < 1 << 24 else {
                        throw failure(text, "wrote 16 MiB without an end of line", "one line for each answer")
                    }
                } else if count == 0 {
                    throw failure(text, "ended\(ending())", "run it by hand on that row")
                }
                continue
            }
            if waits.count > 1, waits[1].revents != 0 {
                let count = unsent.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
                if count > 0 {
                    unsent.removeFirst(count)
                    end = SteadyClock.now() + patience
                } else if errno == EPIPE {
                    throw failure(text, "ended\(ending())", "run it by hand on that row")
                }
            }
        }
    }

    private func reward(in line: String, of text: RatedText) throws(RewardError) -> Double {
        let number = (try? JSON.parse(line))?["reward"]?.double
        guard let number, number.isFinite else {
            throw failure(text, "answered \"\(line.prefix(120))\"", "expected {\"reward\": NUMBER} on one line")
        }
        return number
    }

    private func failure(_ text: RatedText, _ problem: String, _ remedy: String) -> RewardError {
        .failed(source: "command \(command)", row: text.row, problem: problem, remedy: remedy)
    }

    /// The end of the program in words, once its output is closed.
    private func ending() -> String {
        for _ in 0..<100 where !hasEnded() { usleep(10_000) }
        guard let status else { return "" }
        if status & 0x7F != 0 { return " by signal \(status & 0x7F)" }
        let code = (status >> 8) & 0xFF
        return code == 0 ? "" : " with status \(code)"
    }

    private func hasEnded() -> Bool {
        var found: Int32 = 0
        if status == nil, waitpid(process, &found, WNOHANG) == process { status = found }
        return status != nil
    }
}
