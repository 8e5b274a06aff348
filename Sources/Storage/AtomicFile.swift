import Glibc

/// Files that are either the old content or the new one, whatever dies in between.
package enum AtomicFile {
    /// Leftovers of a killed writer begin with this, so that whoever owns the folder can sweep them.
    package static let temporaryPrefix = ".partial-"

    /// Writes under a temporary name beside the target, makes it durable, renames it into place and makes the rename
    /// durable. A failure leaves the target as it was and no temporary file.
    package static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws(StorageError) {
        try write(to: path) { file throws(StorageError) in try file.write(bytes) }
    }

    /// The same for content that is written piece by piece.
    package static func write(
        to path: String, _ fill: (borrowing OpenFile) throws(StorageError) -> Void
    ) throws(StorageError) {
        guard !FileSystem.isDirectory(path) else { throw .directory(path: path) }
        let directory = FileSystem.parent(of: path)
        let unique = "\(getpid())-\(String(UInt32.random(in: .min ... .max), radix: 16))"
        let temporary = FileSystem.join(directory, "\(temporaryPrefix)\(FileSystem.name(of: path))-\(unique)")
        do throws(StorageError) {
            let file = try OpenFile(creating: temporary)
            try fill(file)
            try file.synchronize()
            try FileSystem.rename(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error.naming(path, insteadOf: temporary)
        }
        try FileSystem.synchronize(directory)
    }

    /// Makes a folder with its parents, where there is none, and sees whether files can be made in it.
    /// - Throws: `StorageError` of the folder.
    package static func makeFolder(_ directory: String) throws(StorageError) {
        try FileSystem.makeDirectories(directory)
        try probe(directory)
    }

    /// Sees whether files can be made in a folder, and written.
    /// - Throws: `StorageError` of the folder; nothing is left in it.
    package static func probe(_ directory: String) throws(StorageError) {
        let temporary = FileSystem.join(
            directory, "\(temporaryPrefix)probe-\(getpid())-\(String(UInt32.random(in: .min ... .max), radix: 16))")
        defer { unlink(temporary) }
        do throws(StorageError) {
            let file = try OpenFile(creating: temporary)
            let block = [UInt8](repeating: 0, count: 4096)
            try block.withUnsafeBufferPointer { buffer throws(StorageError) in
                try file.write(UnsafeRawBufferPointer(buffer))
            }
        } catch {
            switch error {
            case .system(let action, _, let code):
                throw .system(action: "\(action) a file in it", path: directory, code: code)
            case .missing: throw .nothingMade(path: FileSystem.join(directory, "a file"))
            default: throw error
            }
        }
    }

    package static func write(_ bytes: [UInt8], to path: String) throws(StorageError) {
        try bytes.withUnsafeBufferPointer { buffer throws(StorageError) in
            try write(UnsafeRawBufferPointer(buffer), to: path)
        }
    }

    package static func write(_ text: String, to path: String) throws(StorageError) {
        try write(Array(text.utf8), to: path)
    }
}

extension StorageError {
    /// The same error about the file the caller asked for: the temporary name means nothing to a reader.
    fileprivate func naming(_ path: String, insteadOf temporary: String) -> StorageError {
        switch self {
        case .missing: .missing(path: FileSystem.parent(of: path))
        case .system(let action, _, let code):
            .system(action: action == "rename to \(path)" ? "rename into place" : action, path: path, code: code)
        case .short(let action, _, let expected, let moved):
            .short(action: action, path: path, expected: expected, moved: moved)
        default: self
        }
    }
}
