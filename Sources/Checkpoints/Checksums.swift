import Storage

/// The size and the SHA-256 of files of a folder. As `checksums.json` it lists every file of a checkpoint, written when all
/// else is on the disk: a folder that has it and agrees with it is complete.
package struct Checksums: Sendable, Equatable {
    static let fileName = "checksums.json"

    struct Entry: Equatable {
        let size: Int
        let digest: Digest.Value
    }

    /// By paths within the folder.
    private(set) var entries: [String: Entry] = [:]

    /// Of no file.
    package init() {}

    /// Of one file, as they were taken while it was written.
    init(of name: String, size: Int, digest: Digest.Value) { entries = [name: Entry(size: size, digest: digest)] }

    /// Those of several files.
    package static func + (a: Checksums, b: Checksums) -> Checksums {
        var sums = a
        sums.entries.merge(b.entries) { $1 }
        return sums
    }

    /// Those of the files whose names are among these.
    func filter(_ isIncluded: (_ name: String) -> Bool) -> Checksums {
        var sums = Checksums()
        sums.entries = entries.filter { isIncluded($0.key) }
        return sums
    }

    /// Takes the checksums of a folder as it is now, but for files whose checksums are known.
    init(taking directory: String, but known: Checksums) throws(StorageError) {
        for path in try FileSystem.files(below: directory) where path != Checksums.fileName {
            if let entry = known.entries[path] {
                entries[path] = entry
            } else {
                entries[path] = try Checksums.entry(of: FileSystem.join(directory, path))
            }
        }
    }

    /// Reads those of a finished folder.
    init(reading directory: String) throws(CheckpointError) {
        let path = FileSystem.join(directory, Checksums.fileName)
        guard FileSystem.exists(path) else { throw .foreign(path: directory) }
        let text = try CheckpointError.storing { () throws(StorageError) in try FileSystem.read(path) }
        guard let files = try CheckpointError.readObject(path)["files"]?.object, !files.isEmpty else {
            throw .damaged(path: path, reason: "it lists no files")
        }
        for (name, value) in files.members {
            guard
                name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({
                    FileSystem.isPlainName(String($0))
                })
            else { throw .damaged(path: path, reason: "\"\(name)\" isn't a path within the folder") }
            guard let size = value["size"]?.integer,
                let digest = value["sha256"]?.string.flatMap(Digest.Value.init(hex:))
            else { throw .damaged(path: path, reason: "the entry of \"\(name)\" has no size and sha256") }
            entries[name] = Entry(size: size, digest: digest)
        }
        // No checksum guards this file, so it must be, byte by byte, what would be written of it.
        guard Array(json.prettyText.utf8) == text else {
            throw .damaged(path: path, reason: "it isn't as it was written")
        }
    }

    /// Compares every file of the folder with its entry. Files without one are nobody's business.
    func verify(_ directory: String) throws(CheckpointError) {
        for (name, expected) in inOrder {
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

    /// The paths within the folder, in order.
    var files: [String] { inOrder.map(\.path) }

    /// Folder by folder, each in the order of its names' bytes.
    private var inOrder: [(path: String, entry: Entry)] {
        func names(_ path: String) -> some Sequence<UInt8> {
            path.utf8.lazy.map { $0 == UInt8(ascii: "/") ? 0 : $0 }
        }
        return entries.sorted { names($0.key).lexicographicallyPrecedes(names($1.key)) }
            .map { (path: $0.key, entry: $0.value) }
    }

    var json: JSON {
        var files = JSONObject()
        for (path, entry) in inOrder {
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
}
