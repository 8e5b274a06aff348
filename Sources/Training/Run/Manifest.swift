import Collectives
import Liveness
import Machine
import Storage

/// `manifest.json`: what a run was run with and on. Each start of the program is an attempt at the run; one that was stopped
/// or killed has several, and the file tells of them all.
struct Manifest {
    /// The end of an attempt. One whose last word is `running` when another begins was interrupted.
    enum Outcome {
        case running, done, stopped
        case failed(String)

        fileprivate var text: String {
            switch self {
            case .running: "running"
            case .done: "done"
            case .stopped: "stopped"
            case .failed(let reason): "failed: \(reason)"
            }
        }
    }

    /// The steps, pairs and tokens of an attempt.
    struct Progress {
        /// Steps done before it and by its end.
        var steps: Range<Int>
        var pairs = 0
        var tokens = 0
        /// Of its steps, without evaluations and saving.
        var stepSeconds = 0.0

        init(from step: Int) { steps = step..<step }

        mutating func add(step: Int, pairs: Int, tokens: Int, seconds: Double) {
            steps = steps.lowerBound..<step
            self.pairs += pairs
            self.tokens += tokens
            stepSeconds += seconds
        }

        /// "12.3 pairs/s and 4,567 tokens/s", of the steps alone.
        var rateText: String {
            "\(fixed(Double(pairs) / max(stepSeconds, 1e-9), 2)) pairs/s and "
                + "\(grouped(Int(Double(tokens) / max(stepSeconds, 1e-9)))) tokens/s"
        }
    }

    private static let fileName = "manifest.json"

    private let path: String
    /// The facts that are the same throughout the run.
    private let facts: JSONObject
    /// Those before, in order.
    private let earlier: [JSONObject]
    /// The facts of this attempt: those that don't change, and those it has come to know.
    private var attempt: JSONObject

    /// - Parameters:
    ///   - facts: of the run.
    ///   - attempt: of this start of the program.
    /// - Throws: `StorageError` when there is an older file that can't be read.
    init(directory: String, facts: JSONObject, attempt: JSONObject) throws {
        path = FileSystem.join(directory, Manifest.fileName)
        self.facts = facts
        self.attempt = attempt
        guard FileSystem.exists(path), let old = try? JSON.parse(FileSystem.read(path)) else {
            earlier = []
            return
        }
        earlier = (old["attempts"]?.array ?? []).compactMap(\.object).map { attempt in
            var attempt = attempt
            // This process has the folder's lock, so that one is over.
            if attempt["outcome"] == "running" { attempt["outcome"] = "interrupted" }
            return attempt
        }
    }

    /// Adds what this attempt has come to know.
    mutating func note(_ name: String, _ value: JSON) { attempt[name] = value }

    /// Writes the file.
    /// - Throws: `StorageError`.
    func write(_ progress: Progress, _ clock: PhaseClock, outcome: Outcome) throws {
        var attempt = attempt
        attempt["end"] = .string(WallClock.text(WallClock.now()))
        attempt["outcome"] = .string(outcome.text)
        attempt["first_step"] = .integer(progress.steps.lowerBound + 1)
        attempt["last_step"] = .integer(progress.steps.upperBound)
        attempt["seconds"] = .number(clock.elapsed)
        attempt["step_seconds"] = .number(progress.stepSeconds)
        attempt["pairs"] = .integer(progress.pairs)
        attempt["tokens"] = .integer(progress.tokens)
        var phases = JSONObject()
        for (phase, seconds) in clock.parts { phases[phase] = .number(seconds) }
        attempt["phases"] = .object(phases)

        let attempts = earlier + [attempt]
        func sum(_ name: String) -> Double { attempts.reduce(0) { $0 + ($1[name]?.double ?? 0) } }
        var manifest = facts
        manifest["seconds"] = .number(sum("seconds"))
        if sum("step_seconds") > 0 {
            manifest["pairs_per_second"] = .number(sum("pairs") / sum("step_seconds"))
            manifest["tokens_per_second"] = .number(sum("tokens") / sum("step_seconds"))
        }
        manifest["attempts"] = .array(attempts.map { .object($0) })
        try AtomicFile.write(JSON.object(manifest).prettyText, to: path)
    }
}

extension TrainingRun {
    /// Begins the record of this start of the program, on rank 0; nil on the others. Collective.
    func manifest(in directory: String) throws -> Manifest? {
        let hosts = communicator.gather(hostName().utf8.map { Int32($0) }).map { words in
            String(decoding: words.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        }
        return try communicator.onRoot {
            var names: [String] = []
            for host in hosts where !names.contains(host) { names.append(host) }
            let attempt: JSONObject = [
                "start": .string(WallClock.text(WallClock.now() - clock.elapsed)),
                "command": .array(CommandLine.arguments.map { .string($0) }), "version": .string(programVersion),
                "commit": .string(programCommit),
                "ranks": .integer(communicator.size), "threads_per_rank": .integer(threads),
                "hosts": .array(names.map { .string($0) }),
                "cpu_levels": .array(cpuLevels.map { .string($0) }), "mpi": .string(Communicator.libraryVersion),
            ]
            return try Manifest(directory: directory, facts: facts(), attempt: attempt)
        }
    }
}
