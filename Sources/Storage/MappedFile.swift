import Glibc

/// A file mapped for reading: its pages are read when touched and shared by all ranks of a host. The file must not be
/// cut short while it is mapped (replacing it by a rename is fine).
package final class MappedFile: Sendable {
    package let path: String
    // Read-only memory, so any thread may look at it.
    nonisolated(unsafe) private let start: UnsafeMutableRawPointer?
    private let count: Int

    /// The content, for as long as this object lives; empty for an empty file.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    package init(path: String) throws(StorageError) {
        let file = try OpenFile(reading: path)
        let size = try file.size()
        var start: UnsafeMutableRawPointer?
        if size > 0 {
            start = mmap(nil, size, PROT_READ, MAP_SHARED, file.descriptor, 0)
            guard start != MAP_FAILED else { throw .last("map", path) }
        }
        self.path = path
        self.start = start
        self.count = size
    }

    /// Lets go of the pages that were read; touched again, they are read again. For a file whose content has been copied.
    package func releasePages() {
        if let start { madvise(start, count, MADV_DONTNEED) }
    }

    deinit {
        if let start { munmap(start, count) }
    }
}
