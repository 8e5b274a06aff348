import Storage

/// `checksums.json`: the size and the SHA-256 of every file of a folder, written when all else is on the disk. A folder
/// that has it and agrees with it is complete.
struct Checksums {
    static let fileName = "checksums.json"

    struct Entry: Equatable {
        let size: Int
        let digest: Digest.Value
    }

    /// Paths within the folder, sorted.
    let entries: [(path: String, entry: Entry)]

    /// Takes the checksums of a folder as it is now.
    init(taking directory: String) throws(StorageError) {
        var entries: [(path: String, entry: Entry)] = []
        for path in try Checksums.files(in: directory) where path != Checksums.fileName {
            entries.append((path, try Checksums.entry(of: FileSystem.join(directory, path))))
        }
        self.entries = entries
    }

    /// Reads those of a finished folder.
    init(reading directory: String) throws(CheckpointError) {
        let path = FileSystem.join(directory, Checksums.fileName)
        guard FileSystem.exists(path) else {
            throw .damaged(path: directory, reason: "it has no \(Checksums.fileName), so it isn't complete")
        }
        let text = try CheckpointError.storing { () throws(StorageError) in try FileSystem.read(path) }
        guard let files = try CheckpointError.readObject(path)["files"]?.object, !files.isEmpty else {
            throw .damaged(path: path, reason: "it lists no files")
        }
        var entries: [(path: String, entry: Entry)] = []
        for (name, value) in files.members {
            guard
                name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({
                    FileSystem.isPlainName(String($0))
                })
            else { throw .damaged(path: path, reason: "\"\(name)\" isn't a path within the folder") }
            guard let size = value["size"]?.integer,
                let digest = value["sha256"]?.string.flatMap(Digest.Value.init(hex:))
            else { throw .damaged(path: path, reason: "the entry of \"\(name)\" has no size and sha256") }
            entries.append((name, Entry(size: size, digest: digest)))
        }
        self.entries = entries
        // No checksum guards this file, so it must be, byte by byte, what would be written of it.
        guard Array(json.prettyText.utf8) == text else {
            throw .damaged(path: path, reason: "it isn't as it was written")
        }
    }

    /// Compares every file of the folder with its entry. Files without one are nobody's business.
    func verify(_ directory: String) throws(CheckpointError) {
        for (name, expected) in entries {
            let path = FileSystem.join(directory, name)
            guard FileSystem.isFile(path) else { throw .damaged(path: path, reason: "the file is missing") }
            let size = try CheckpointError.storing { () throws(StorageError) in try FileSystem.size(of: path) }
            guard size == expected.size else {
                throw .damaged(path: path, reason: "it has \(size) bytes, \(expected.size) were written")
            }
            let found = try CheckpointError.storing { () throws(StorageError) in try Checksums.entry(of: path) }
            guard found == expected else {
                throw .damaged(
                    path: path, reason: "its SHA-256 is \(found.digest), that of what was written \(expected.digest)")
            }
        }
    }

    var json: JSON {
        var files = JSONObject()
        for (path, entry) in entries {
            files[path] = ["size": .integer(entry.size), "sha256": .string(entry.digest.hex)]
        }
        return ["files": .object(files)]
    }

    /// Reads a file piece by piece: mapped, a large checkpoint would count as this process's memory.
    private static func entry(of path: String) throws(StorageError) -> Entry {
        let file = try OpenFile(reading: path)
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { piece.deallocate() }
        var digest = Digest()
        var size = 0
        while true {
            let count = try file.read(into: piece)
            guard count > 0 else { return Entry(size: size, digest: digest.finish()) }
            digest.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            size += count
        }
    }

    /// All files below a folder, as paths within it.
    static func files(in directory: String) throws(StorageError) -> [String] {
        var paths: [String] = []
        for name in try FileSystem.list(directory) {
            let path = FileSystem.join(directory, name)
            if FileSystem.isDirectory(path) {
                paths += try files(in: path).map { FileSystem.join(name, $0) }
            } else {
                paths.append(name)
            }
        }
        return paths
    }
}
