import Glibc
import Storage

/// The folder of a run (`output_dir`) with its checkpoints: `checkpoint-<step>/` and `final/`.
///
/// A checkpoint appears under its name in one rename, after everything in it is on the disk, so a run killed at any
/// moment leaves, once `sweep` has been here, the state before or the state after. One run at a time may write here
/// (see `DirectoryLock`), and of its ranks only one.
package struct CheckpointFolder: Sendable {
    /// Where a checkpoint is made before it gets its name.
    private static let partial = AtomicFile.temporaryPrefix
    /// What is being deleted.
    private static let removed = ".removed-"
    /// The older state of a name, while the newer one takes its place.
    private static let replaced = ".replaced-"
    private static let stepPrefix = "checkpoint-"

    package let path: String

    package init(path: String) { self.path = path }

    /// `checkpoint-<step>`.
    package static func name(ofStep step: Int) -> String { "\(stepPrefix)\(step)" }

    /// Where a checkpoint of this name is or will be.
    package func path(of name: String) -> String { FileSystem.join(path, name) }

    /// Makes a checkpoint: `fill` writes its files into the folder it is given; their checksums are added, everything
    /// is brought to the disk, and the folder takes its name, in the place of an older one of that name.
    /// - Throws: what `fill` throws, or `CheckpointError`; the older state is then still there and nothing else is.
    package func write(name: String, fill: (_ directory: String) throws -> Void) throws {
        let draft = try begin(name: name)
        do {
            try fill(draft.directory)
            try draft.publish()
        } catch {
            draft.discard()
            if let error = error as? StorageError { throw CheckpointError.storage(error) }
            throw error
        }
    }

    /// A checkpoint in the making, to be published or discarded.
    package struct Draft: Sendable {
        /// Where its files go.
        package let directory: String
        fileprivate let name: String
        fileprivate let folder: CheckpointFolder

        /// Completes the checkpoint and gives it its name.
        /// - Throws: `CheckpointError`; an older checkpoint of that name is then still there.
        package func publish() throws(CheckpointError) {
            try CheckpointError.storing { () throws(StorageError) in
                try folder.seal(directory)
                try folder.publish(directory, as: name)
            }
        }

        /// Removes it as far as it got.
        package func discard() { try? FileSystem.removeTree(directory) }
    }

    /// Begins a checkpoint that is made in several steps; `write` does it in one.
    package func begin(name: String) throws(CheckpointError) -> Draft {
        guard FileSystem.isPlainName(name), !name.hasPrefix(".") else { throw CheckpointError.name(name) }
        let draft = Draft(
            directory: path(of: "\(CheckpointFolder.partial)\(name)-\(getpid())"), name: name, folder: self)
        try CheckpointError.storing { () throws(StorageError) in
            try FileSystem.removeTree(draft.directory)
            try FileSystem.makeDirectories(draft.directory)
        }
        return draft
    }

    /// Brings all files of a folder to the disk, and then their checksums: whoever finds these finds the files.
    fileprivate func seal(_ directory: String) throws(StorageError) {
        var folders: Set<String> = [directory]
        for name in try Checksums.files(in: directory) {
            let file = FileSystem.join(directory, name)
            try FileSystem.synchronize(file)
            folders.insert(FileSystem.parent(of: file))
        }
        for folder in folders.sorted(by: >) { try FileSystem.synchronize(folder) }
        let checksums = try Checksums(taking: directory)
        try AtomicFile.write(checksums.json.prettyText, to: FileSystem.join(directory, Checksums.fileName))
    }

    fileprivate func publish(_ temporary: String, as name: String) throws(StorageError) {
        let target = path(of: name)
        guard FileSystem.exists(target) else {
            try FileSystem.rename(temporary, to: target)
            try FileSystem.synchronize(path)
            return
        }
        // A full folder can't be replaced by one rename. Between the two the name is free, and a run killed there
        // finds its older state again by `sweep`.
        let older = path(of: "\(CheckpointFolder.replaced)\(name)-\(getpid())")
        try FileSystem.removeTree(older)
        try FileSystem.rename(target, to: older)
        do {
            try FileSystem.rename(temporary, to: target)
        } catch {
            try? FileSystem.rename(older, to: target)
            throw error
        }
        try FileSystem.synchronize(path)
        // The newer state is there; should this fail, `sweep` does it.
        try? FileSystem.removeTree(older)
    }

    // MARK: - Finding

    /// The steps that have a folder, complete or not, in rising order.
    package func steps() throws(CheckpointError) -> [Int] {
        guard FileSystem.exists(path) else { return [] }
        let names = try CheckpointError.storing { () throws(StorageError) in try FileSystem.list(path) }
        return names.compactMap { name in
            guard name.hasPrefix(CheckpointFolder.stepPrefix) else { return nil }
            let digits = name.dropFirst(CheckpointFolder.stepPrefix.count)
            // "checkpoint-007" was never written by a run.
            guard let step = Int(digits), step >= 0, String(step) == digits else { return nil }
            return FileSystem.isDirectory(path(of: name)) ? step : nil
        }.sorted()
    }

    /// The newest checkpoint that is what was written. Newer ones that aren't are told to `skipped`, so that the
    /// caller can say why the run goes on from an older one.
    package func newestComplete(
        skipped: (_ path: String, _ reason: CheckpointError) -> Void = { _, _ in }
    ) throws(CheckpointError) -> (step: Int, path: String)? {
        for step in try steps().reversed() {
            let folder = path(of: CheckpointFolder.name(ofStep: step))
            do throws(CheckpointError) {
                try verify(folder)
                return (step, folder)
            } catch {
                skipped(folder, error)
            }
        }
        return nil
    }

    /// Compares every file of a checkpoint with its size and SHA-256.
    /// - Throws: `CheckpointError.damaged` with the first file that is missing or differs.
    package func verify(_ path: String) throws(CheckpointError) {
        try Checksums(reading: path).verify(path)
    }

    // MARK: - Removing

    /// Deletes the oldest checkpoints so that at most `limit` remain. The newest, the newest complete one and those
    /// named in `protected` stay even if that is more. To spare the reading of the newest, name it as protected when
    /// this run has just written it.
    /// - Returns: the names deleted, oldest first.
    @discardableResult
    package func prune(keeping limit: Int, protecting protected: Set<String> = []) throws(CheckpointError) -> [String] {
        let steps = try steps()
        guard steps.count > max(limit, 1), let newest = steps.last else { return [] }
        var kept = protected.union([CheckpointFolder.name(ofStep: newest)])
        if !protected.contains(CheckpointFolder.name(ofStep: newest)) {
            // With the newest one damaged, the last good one must not go.
            guard let complete = try newestComplete() else { return [] }
            kept.insert(CheckpointFolder.name(ofStep: complete.step))
        }
        let names = steps.map(CheckpointFolder.name(ofStep:)).filter { !kept.contains($0) }
        let surplus = Array(names.prefix(steps.count - max(limit, 1)))
        for name in surplus {
            // Out of the way in one go first: what is half deleted must not look like a checkpoint.
            let doomed = path(of: "\(CheckpointFolder.removed)\(name)-\(getpid())")
            try CheckpointError.storing { () throws(StorageError) in
                try FileSystem.removeTree(doomed)
                try FileSystem.rename(path(of: name), to: doomed)
                try FileSystem.synchronize(path)
                try FileSystem.removeTree(doomed)
            }
        }
        return surplus
    }

    /// Clears what killed runs left behind. For the start of a run, with the folder's lock held.
    /// - Returns: the names cleared.
    @discardableResult
    package func sweep() throws(CheckpointError) -> [String] {
        guard FileSystem.exists(path) else { return [] }
        return try CheckpointError.storing { () throws(StorageError) in
            var cleared: [String] = []
            for name in try FileSystem.list(path) {
                if name.hasPrefix(CheckpointFolder.replaced) {
                    let original = CheckpointFolder.original(of: name)
                    if !FileSystem.exists(path(of: original)) {
                        try FileSystem.rename(path(of: name), to: path(of: original))
                        continue
                    }
                } else if !name.hasPrefix(CheckpointFolder.partial), !name.hasPrefix(CheckpointFolder.removed) {
                    continue
                }
                try FileSystem.removeTree(path(of: name))
                cleared.append(name)
            }
            try FileSystem.synchronize(path)
            return cleared
        }
    }

    /// `.replaced-<name>-<pid>` → `<name>`.
    private static func original(of name: String) -> String {
        let rest = name.dropFirst(replaced.count)
        return String(rest[..<(rest.lastIndex(of: "-") ?? rest.endIndex)])
    }
}
