import Glibc

/// A folder in the making. It is filled under a hidden name beside its own, then given its name in one rename, after all
/// that is in it has come to the disk. Whoever finds the name finds the whole folder.
package struct StagedFolder: Sendable {
    /// The prefix of the older folder's name while the newer one takes its place; the process's id ends that name.
    package static let replacedPrefix = ".replaced-"

    /// Where its files go.
    package let path: String
    private let target: String

    /// Begins the folder that will be `target`. Several processes may make a folder of that name at once: the last one
    /// stays.
    package init(for target: String) throws(StorageError) {
        self.target = target
        path = FileSystem.join(
            FileSystem.parent(of: target), "\(AtomicFile.temporaryPrefix)\(FileSystem.name(of: target))-\(getpid())")
        try FileSystem.removeTree(path)
        try FileSystem.makeDirectories(path)
    }

    /// Returns once all files so far, and their names, are on the disk. `publish` does it too; this is for what must come to
    /// the disk before something else.
    package func synchronize() throws(StorageError) {
        var folders: Set<String> = [path]
        for name in try FileSystem.files(below: path) {
            let file = FileSystem.join(path, name)
            try FileSystem.synchronize(file)
            folders.insert(FileSystem.parent(of: file))
        }
        for folder in folders.sorted(by: >) { try FileSystem.synchronize(folder) }
    }

    /// Brings the folder to the disk and gives it its name, in the place of an older one of that name.
    /// - Throws: `StorageError`; an older folder of that name is then still there.
    package func publish() throws(StorageError) {
        try synchronize()
        let parent = FileSystem.parent(of: target)
        guard FileSystem.exists(target) else {
            try FileSystem.rename(path, to: target)
            return try FileSystem.synchronize(parent)
        }
        // A full folder can't be replaced by one rename. A process killed between the two leaves the name free and the
        // older folder under the other name.
        let older = FileSystem.join(
            parent, "\(StagedFolder.replacedPrefix)\(FileSystem.name(of: target))-\(getpid())")
        try FileSystem.removeTree(older)
        try FileSystem.rename(target, to: older)
        do {
            try FileSystem.rename(path, to: target)
        } catch {
            try? FileSystem.rename(older, to: target)
            throw error
        }
        try FileSystem.synchronize(parent)
        // The newer folder is there; what remains of the older one is swept some other time.
        try? FileSystem.removeTree(older)
    }

    /// Removes it as far as it got.
    package func discard() { try? FileSystem.removeTree(path) }
}
