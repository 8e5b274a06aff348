import Glibc
import Storage

/// The folder of a run (`output_dir`) with its checkpoints: `checkpoint-<step>/` and `final/`.
///
/// A checkpoint appears under its name in one rename, after everything in it is on the disk, so a run killed at any
/// moment leaves, once `sweep` has been here, the state before or the state after. One run at a time may write here
/// (see `DirectoryLock`), and of its ranks only one.
package struct CheckpointFolder: Sendable {
    /// The beginning of a folder's name while it is being deleted.
    private static let removed = ".removed-"
    private static let stepPrefix = "checkpoint-"

    package let path: String

    package init(path: String) { self.path = path }

    /// `checkpoint-<step>`.
    package static func name(ofStep step: Int) -> String { "\(stepPrefix)\(step)" }

    /// The path of a checkpoint of this name, which may be still to come.
    package func path(of name: String) -> String { FileSystem.join(path, name) }

    /// Makes a checkpoint: `fill` writes its files into the folder it is given, and gives back the checksums that it took
    /// on the way. Those of the other files are added, everything is brought to the disk, and the folder takes its name,
    /// in the place of an older one of that name.
    /// - Throws: what `fill` throws, or `CheckpointError`; the older state is then still there and nothing else is.
    package func write(name: String, fill: (_ directory: String) throws -> Checksums) throws {
        let draft = try begin(name: name)
        do {
            try draft.publish(knowing: fill(draft.directory))
        } catch {
            draft.discard()
            if let error = error as? StorageError { throw CheckpointError.storage(error) }
            throw error
        }
    }

    /// Makes a checkpoint out of files of another one, which is complete, and of what `fill` adds. Files of tensors are
    /// links to the same bytes, where the file system has links, so they are neither written nor read again.
    ///
    /// - Parameters:
    ///   - source: the other checkpoint's path.
    ///   - isTaken: whether a file goes along.
    /// - Throws: as `write(name:fill:)`.
    package func write(
        name: String, from source: String, taking isTaken: (_ file: String) -> Bool,
        fill: (_ directory: String) throws -> Void = { _ in }
    ) throws {
        let sums = try Checksums(reading: source).filter(isTaken)
        try write(name: name) { directory in
            for file in sums.files {
                let (path, copy) = (FileSystem.join(source, file), FileSystem.join(directory, file))
                try FileSystem.makeDirectories(FileSystem.parent(of: copy))
                // Small files are what people edit in place, and a link would carry that into the checkpoint.
                if file.hasSuffix(".safetensors") {
                    try FileSystem.linkOrCopy(path, to: copy)
                } else {
                    try FileSystem.copy(path, to: copy)
                }
            }
            try fill(directory)
            return sums
        }
    }

    /// A checkpoint in the making, to be published or discarded.
    package struct Draft: Sendable {
        private let folder: StagedFolder
        private let name: String
        private let checkpoints: CheckpointFolder

        fileprivate init(_ folder: StagedFolder, _ name: String, of checkpoints: CheckpointFolder) {
            (self.folder, self.name, self.checkpoints) = (folder, name, checkpoints)
        }

        /// Where its files go.
        package var directory: String { folder.path }

        /// Completes the checkpoint and gives it its name.
        ///
        /// - Parameter sums: checksums that were taken while files were written; those files aren't read again.
        /// - Throws: `CheckpointError`; an older checkpoint of that name is then still there.
        package func publish(knowing sums: Checksums = Checksums()) throws(CheckpointError) {
            try CheckpointError.storing { () throws(StorageError) in
                // The checksums come last: whoever finds these finds the files.
                try folder.synchronize()
                let sums = try Checksums(taking: directory, but: sums)
                try AtomicFile.write(sums.json.prettyText, to: FileSystem.join(directory, Checksums.fileName))
                // Another program's folder of that name isn't replaced but moved.
                let target = checkpoints.path(of: name)
                if FileSystem.exists(target), !CheckpointFolder.isOwn(target) { try checkpoints.setAside([name]) }
                try folder.publish()
            }
        }

        /// Removes it as far as it got.
        package func discard() { folder.discard() }
    }

    /// Begins a checkpoint that is made in several steps; `write` does it in one.
    package func begin(name: String) throws(CheckpointError) -> Draft {
        guard FileSystem.isPlainName(name), !name.hasPrefix(".") else { throw CheckpointError.name(name) }
        return try CheckpointError.storing { () throws(StorageError) in
            Draft(try StagedFolder(for: path(of: name)), name, of: self)
        }
    }

    /// Moves what has these names, this run's or another program's, into a new folder `previous-<n>` beside them.
    /// - Returns: that folder.
    @discardableResult
    package func setAside(_ names: [String]) throws(StorageError) -> String {
        var number = 1
        while FileSystem.exists(path(of: "previous-\(number)")) { number += 1 }
        let target = path(of: "previous-\(number)")
        try FileSystem.makeDirectories(target)
        for name in names { try FileSystem.rename(path(of: name), to: FileSystem.join(target, name)) }
        return target
    }

    // MARK: - Finding

    /// Whether a folder was made here: it has the list of checksums that only this program writes, whether or not its files
    /// still are what was written.
    package static func isOwn(_ directory: String) -> Bool { (try? Checksums(reading: directory)) != nil }

    /// The steps that have a folder of this program, complete or not, in rising order.
    package func ownSteps() throws(CheckpointError) -> [Int] {
        try steps().filter { CheckpointFolder.isOwn(path(of: CheckpointFolder.name(ofStep: $0))) }
    }

    /// The steps that have a folder, whoever made it, in rising order.
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
    /// named in `protected` stay even if that is more. Folders that another program made are neither counted nor touched.
    /// To spare the reading of the newest, name it as protected when this run has just written it.
    /// - Returns: the names deleted, oldest first.
    @discardableResult
    package func prune(keeping limit: Int, protecting protected: Set<String> = []) throws(CheckpointError) -> [String] {
        let steps = try ownSteps()
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
                if name.hasPrefix(StagedFolder.replacedPrefix) {
                    let original = CheckpointFolder.original(of: name)
                    if !FileSystem.exists(path(of: original)) {
                        try FileSystem.rename(path(of: name), to: path(of: original))
                        continue
                    }
                } else if !name.hasPrefix(AtomicFile.temporaryPrefix), !name.hasPrefix(CheckpointFolder.removed) {
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
        let rest = name.dropFirst(StagedFolder.replacedPrefix.count)
        return String(rest[..<(rest.lastIndex(of: "-") ?? rest.endIndex)])
    }
}
