import Glibc

/// An open file, closed when the value goes away. Interrupted and partial system calls are carried on with, so that
/// a disk that fills up is always an error: the kernel writes a part first and says `ENOSPC` only when asked again.
package struct OpenFile: ~Copyable {
    package let path: String
    let descriptor: Int32

    private init(path: String, flags: Int32, action: String) throws(StorageError) {
        var opened: Int32
        repeat { opened = open(path, flags | O_CLOEXEC, 0o666) } while opened < 0 && errno == EINTR
        guard opened >= 0 else { throw .last(action, path) }
        self.path = path
        self.descriptor = opened
    }

    /// Opens a file to read it from its start. A pipe will do where the shell has opened it (`/dev/stdin`, `/dev/fd/3`);
    /// one with a name would be waited for until somebody writes to it, and a device has no end.
    package init(reading path: String) throws(StorageError) {
        switch FileSystem.kind(of: path) {
        case S_IFDIR: throw .directory(path: path)
        case nil, S_IFREG: break
        default: guard OpenFile.isOpenAlready(path) else { throw .notFile(path: path) }
        }
        try self.init(path: path, flags: O_RDONLY, action: "open")
    }

    /// Whether a path stands for one of the process's own open files, or for nothing.
    private static func isOpenAlready(_ path: String) -> Bool {
        path == "/dev/stdin" || path == "/dev/null" || path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/")
    }

    /// Creates a file, or empties the one there is.
    package init(creating path: String) throws(StorageError) {
        try self.init(path: path, flags: O_WRONLY | O_CREAT | O_TRUNC, action: "create")
    }

    /// Opens a file to add to its end, creating it if there is none.
    package init(appendingTo path: String) throws(StorageError) {
        try self.init(path: path, flags: O_WRONLY | O_CREAT | O_APPEND, action: "open")
    }

    /// Opens a file or a folder only to make it durable or to lock it.
    init(existing path: String) throws(StorageError) {
        try self.init(path: path, flags: O_RDONLY, action: "open")
    }

    /// Opens a file to read and write it, creating it if there is none, leaving its content.
    init(keeping path: String) throws(StorageError) {
        try self.init(path: path, flags: O_RDWR | O_CREAT, action: "open")
    }

    deinit { close(descriptor) }

    /// Size in bytes.
    package func size() throws(StorageError) -> Int {
        var attributes = stat()
        guard fstat(descriptor, &attributes) == 0 else { throw .last("read", path) }
        return Int(attributes.st_size)
    }

    /// Reads up to the size of `buffer`; 0 means the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(StorageError) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 {
                DiskActivity.note()
                return count
            }
            guard errno == EINTR else { throw .last("read", path) }
        }
    }

    /// Reads up to `count` bytes from an offset on, fewer at the end of the file.
    package func bytes(_ count: Int, at offset: Int) throws(StorageError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        while true {
            let read = pread(descriptor, &buffer, count, off_t(offset))
            if read >= 0 {
                DiskActivity.note()
                return Array(buffer.prefix(read))
            }
            guard errno == EINTR else { throw .last("read", path) }
        }
    }

    /// On a slow disk a few seconds: whoever watches sees that it gets on.
    private static let largestPiece = 64 << 20

    /// Appends all the bytes.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let piece = min(bytes.count - done, OpenFile.largestPiece)
            let count = Glibc.write(descriptor, bytes.baseAddress! + done, piece)
            if count > 0 {
                done += count
                DiskActivity.note()
            } else if count == 0 {
                throw .short(action: "writing", path: path, expected: bytes.count, moved: done)
            } else if errno != EINTR {
                throw .last("write", path)
            }
        }
    }

    /// Sends a part of the file's content to the disk, without waiting; where it is there already, the memory that it takes is
    /// free for others. Advice: no system has to take it.
    package func release(_ range: Range<Int>) {
        posix_fadvise(descriptor, range.lowerBound, range.count, POSIX_FADV_DONTNEED)
    }

    /// Returns once the content is on the disk.
    package func synchronize() throws(StorageError) {
        while fsync(descriptor) != 0 {
            // Some file systems can't synchronise folders; they order renames themselves.
            if errno == EINVAL || errno == ENOTSUP { return }
            guard errno == EINTR else { throw .last("write", path) }
        }
    }
}
