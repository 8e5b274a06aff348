import Checkpoints
import Glibc
import Machine
import Storage

/// The treatment of checkpoints that a run finds in its folder.
package enum Resume: Sendable, Equatable {
    /// Go on from the newest complete checkpoint, if there is one.
    case auto
    /// Begin anew.
    case never
    /// Go on from this checkpoint.
    case from(String)

    package init(argument: String) {
        switch argument {
        case "auto": self = .auto
        case "never": self = .never
        default: self = .from(argument)
        }
    }
}

/// `output_dir` at the start of a run: locked and swept. What an earlier run left in it is found or set aside.
package struct RunFolder: ~Copyable {
    let checkpoints: CheckpointFolder
    private let lock: DirectoryLock

    /// Makes the folder if need be and takes its lock.
    /// - Throws: `StorageError` or `CheckpointError`.
    package init(_ path: String) throws {
        try FileSystem.makeDirectories(path)
        let lock = try RunFolder.lock(path)
        let checkpoints = CheckpointFolder(path: path)
        try checkpoints.sweep()
        self.lock = lock
        self.checkpoints = checkpoints
    }

    /// A killed launcher's ranks hold the folder for a second or two: who starts a run again by itself asks to wait for them,
    /// so many seconds, by PREFOPT_LOCK_WAIT.
    package static func lock(_ path: String) throws -> DirectoryLock {
        let end = SteadyClock.now() + (environment("PREFOPT_LOCK_WAIT").flatMap { Double($0) } ?? 0)
        while true {
            do throws(StorageError) {
                return try DirectoryLock(path)
            } catch {
                guard case .locked = error, SteadyClock.now() < end else { throw error }
                usleep(100_000)
            }
        }
    }

    /// The checkpoint to go on from, if any. A newer one that isn't whole is passed over, saying so.
    package func find(_ resume: Resume, console: Console) throws -> String? {
        switch resume {
        case .auto:
            return try checkpoints.newestComplete { path, reason in
                console.line("resume: \(path) is passed over: \(reason)")
            }?.path
        case .never:
            try setAside(console: console)
            return nil
        case .from(let path):
            guard FileSystem.isDirectory(path) else { throw TrainingError.noCheckpoint(directory: path) }
            let kind = FolderKind(path)
            guard kind == .checkpoint || kind == .incomplete else {
                throw TrainingError.input(
                    "\(path): \(kind.words), not a checkpoint to go on from; \(kind.remedy(forResuming: path))")
            }
            try checkpoints.verify(path)
            return path
        }
    }

    /// Gives the folder free; until then the lock keeps a second run out.
    package consuming func close() { lock.release() }

    /// Files and folders that a run writes beside its checkpoints.
    private static let records: Set<String> = [
        "final", "metrics.jsonl", "manifest.json", "run.yaml", "samples.jsonl", "data.json", "tensorboard", "report.html",
        HeldOutRecord.before, HeldOutRecord.after, "held-out-extremes.json",
    ]

    /// Moves an earlier run's records out of the way: the next `--resume auto` must not mistake them for this run's.
    private func setAside(console: Console) throws {
        let own = Set(try checkpoints.ownSteps().map(CheckpointFolder.name(ofStep:)))
        let records = try FileSystem.list(checkpoints.path).filter {
            own.contains($0) || RunFolder.records.contains($0)
        }
        guard !records.isEmpty else { return }
        let target = try checkpoints.setAside(records)
        console.line("--resume never: the earlier run's \(records.count) files and folders are now in \(target)")
    }
}
