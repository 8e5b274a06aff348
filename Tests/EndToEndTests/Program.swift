import Foundation
import Glibc
import Scratch
import Storage

/// The real binary: `PREFOPT_BINARY`, else the release build of this package.
enum Program {
    static let path: String = {
        if let given = ProcessInfo.processInfo.environment["PREFOPT_BINARY"] { return given }
        let root = FileSystem.parent(of: FileSystem.parent(of: FileSystem.parent(of: #filePath)))
        return FileSystem.join(root, ".build/release/swift-prefopt")
    }()

    /// The absence of the binary, which no test can do without.
    struct Absent: Error, CustomStringConvertible {
        let description =
            "\(Program.path) is not there: run `swift build -c release --product swift-prefopt` first, "
            + "or name another binary by PREFOPT_BINARY"
    }

    /// Runs a command to its end.
    ///
    /// - Parameters:
    ///   - ranks: under mpirun; nil: the program alone.
    ///   - variables: of the environment, beside those of this process.
    ///   - limit: seconds after which everything that was started is killed.
    static func run(
        _ arguments: [String], ranks: Int? = nil, input: String = "/dev/null", in directory: String? = nil,
        variables: [String: String] = [:], limit: Double = 60
    ) throws -> Ending {
        try Job(arguments, ranks: ranks, input: input, directory: directory, variables: variables).wait(limit: limit)
    }
}

/// The end of a job.
struct Ending {
    /// Of mpirun or of the program alone; nil when the time limit ended it.
    let status: Int32?
    let output: String
    let errors: String
    let seconds: Double

    /// The program's messages when it gives up.
    var messages: [String] { lines(of: errors).filter { $0.hasPrefix("swift-prefopt:") } }

    func says(_ text: String) -> Bool { errors.contains(text) }
}

/// Lines without their newlines, empty ones left out.
func lines(of text: String) -> [String] { text.split(separator: "\n").map(String.init) }

/// The tokens of each line of `generate`: what doesn't hang on where they come from.
func ids(of answers: String) throws -> [JSON?] { try lines(of: answers).map { try JSON.parse(Array($0.utf8))["ids"] } }

/// One start of the program, on one or several ranks. All its processes carry a mark in their environment by which they
/// are found again, whatever group or session the launcher puts them into.
final class Job {
    private let program = Process()
    private let folder: TemporaryDirectory
    private let mark: String
    private let start = Date()

    init(
        _ arguments: [String], ranks: Int?, input: String = "/dev/null", directory: String? = nil,
        variables: [String: String] = [:]
    ) throws {
        guard FileSystem.isFile(Program.path) else { throw Program.Absent() }
        folder = try TemporaryDirectory()
        mark = "PREFOPT_TEST_JOB=\(FileSystem.name(of: folder.path))"

        // A launcher around the tests must not be taken for this job's own.
        var environment = ProcessInfo.processInfo.environment.filter { name, _ in
            !["OMPI_", "PMIX_", "SLURM_"].contains { name.hasPrefix($0) }
        }
        environment["PREFOPT_TEST_JOB"] = FileSystem.name(of: folder.path)
        environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
        environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
        // One host: other transports only take time to start, and dead ranks need no grace.
        environment["OMPI_MCA_pml"] = "ob1"
        environment["OMPI_MCA_btl"] = "self,vader"
        environment["OMPI_MCA_odls_base_sigkill_timeout"] = "0"
        environment["HOME"] = folder.path
        environment["XDG_CACHE_HOME"] = nil
        environment.merge(variables) { $1 }
        program.environment = environment

        if let ranks {
            program.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            program.arguments = ["mpirun", "-n", "\(ranks)", "--oversubscribe", Program.path] + arguments
        } else {
            program.executableURL = URL(fileURLWithPath: Program.path)
            program.arguments = arguments
        }
        if let directory { program.currentDirectoryURL = URL(fileURLWithPath: directory) }
        // Files, not pipes: nobody need empty them while the job runs.
        program.standardInput = FileHandle(forReadingAtPath: input)
        program.standardOutput = FileHandle(forWritingAtPath: try folder.write("", as: "output"))
        program.standardError = FileHandle(forWritingAtPath: try folder.write("", as: "errors"))
        try program.runUnblocked()
    }

    /// The error output so far.
    var errors: String { (try? text(folder.file("errors"))) ?? "" }

    var isRunning: Bool { program.isRunning }

    /// Sends a signal to mpirun, or to the program when it runs alone.
    func signal(_ number: Int32) { kill(program.processIdentifier, number) }

    /// All processes of this job that are alive, mpirun included.
    var members: [pid_t] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { pid_t($0) }.filter { number in
            guard let environment = FileManager.default.contents(atPath: "/proc/\(number)/environ") else {
                return false
            }
            return environment.split(separator: 0).contains { $0.elementsEqual(mark.utf8) }
        }
    }

    /// The ranks that are alive.
    var ranks: [pid_t] {
        members.filter { number in
            let name = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(number)/exe")) ?? ""
            return FileSystem.name(of: name) == FileSystem.name(of: Program.path)
        }
    }

    /// Waits until something holds or the job has ended; false if it has.
    func wait(until condition: () throws -> Bool) rethrows -> Bool {
        while program.isRunning, Date().timeIntervalSince(start) < 60 {
            if try condition() { return true }
            usleep(1000)
        }
        return false
    }

    /// Waits for the end; past the limit, ends it.
    func wait(limit: Double) throws -> Ending {
        while program.isRunning, Date().timeIntervalSince(start) < limit { usleep(1000) }
        let isLate = program.isRunning
        if isLate { killAll() }
        program.waitUntilExit()
        return Ending(
            status: isLate || program.terminationReason == .uncaughtSignal ? nil : program.terminationStatus,
            output: try text(folder.file("output")), errors: try text(folder.file("errors")),
            seconds: Date().timeIntervalSince(start))
    }

    /// The processes still alive a while after the end: none, if all is well. They are killed then.
    func leftovers(after seconds: Double = 3) -> [pid_t] {
        let end = Date().addingTimeInterval(seconds)
        while !members.isEmpty, Date() < end { usleep(10_000) }
        defer { killAll() }
        return members
    }

    func killAll() {
        for number in members { kill(number, SIGKILL) }
    }
}

func text(_ path: String) throws -> String { String(decoding: try FileSystem.read(path), as: UTF8.self) }

extension Process {
    /// Starts the program so that signals reach it: a child inherits the mask of the thread that starts it, and those of
    /// Dispatch block the signals to be sent.
    func runUnblocked() throws {
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try run()
    }
}
