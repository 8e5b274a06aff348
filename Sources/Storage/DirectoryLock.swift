import Glibc

/// Keeps a folder to one run: the lock goes with the value, or with the process, however it dies.
///
/// It is as wide as the file system makes `flock`: one host on local disks; all hosts of CephFS and of an NFS share with its
/// lock service; of Lustre if it is mounted with `flock`, of BeeGFS with `tuneUseGlobalFileLocks`. Where there are no locks it
/// keeps nothing, since refusing to train there would help nobody.
package struct DirectoryLock: ~Copyable {
    private let file: OpenFile

    /// Takes the lock of a folder, which must exist; its file, `.lock`, stays behind for the next run.
    /// - Throws: `StorageError.locked` when another run holds it.
    package init(_ directory: String) throws(StorageError) {
        let file = try OpenFile(keeping: FileSystem.join(directory, ".lock"))
        if try DirectoryLock.take(file, of: directory) {
            // This is only for the other run's message: a full disk must not stop this one here.
            let owner = Array("pid \(getpid()) on \(DirectoryLock.host)\n".utf8)
            if ftruncate(file.descriptor, 0) == 0 { _ = pwrite(file.descriptor, owner, owner.count, 0) }
        }
        self.file = file
    }

    /// False where the file system has no locks.
    private static func take(_ file: borrowing OpenFile, of directory: String) throws(StorageError) -> Bool {
        while flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 {
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK: throw .locked(directory: directory, owner: owner(of: file))
            case ENOLCK, ENOTSUP, ENOSYS: return false
            default: throw .last("lock", file.path)
            }
        }
        return true
    }

    /// Gives the folder free. Calling it at the end also keeps the lock alive until there.
    package consuming func release() {}

    private static func owner(of file: borrowing OpenFile) -> String? {
        var text = [UInt8](repeating: 0, count: 128)
        let count = pread(file.descriptor, &text, text.count, 0)
        guard count > 0 else { return nil }
        let line = String(decoding: text[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return line.hasPrefix("pid ") ? line : nil
    }

    private static var host: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65) { name in
            guard let start = name.baseAddress else { return "" }
            name.initialize(repeating: 0)
            gethostname(start, name.count - 1)
            return String(cString: start)
        }
    }
}
