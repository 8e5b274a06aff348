import Glibc

/// The program's calls to a file system, with errors that name the path.
package enum FileSystem {
    /// The whole content of a file.
    package static func read(_ path: String) throws(StorageError) -> [UInt8] {
        let file = try OpenFile(reading: path)
        var content = [UInt8](repeating: 0, count: max(try file.size(), 4096))
        var count = 0
        // The size is a hint: pipes and /proc have none, and the file may grow while it is read.
        while true {
            if count == content.count { content.append(contentsOf: repeatElement(0, count: content.count)) }
            let more = try content.withUnsafeMutableBufferPointer { buffer throws(StorageError) in
                let room = UnsafeMutableBufferPointer(rebasing: buffer[count...])
                return try file.read(into: UnsafeMutableRawBufferPointer(room))
            }
            if more == 0 { break }
            count += more
        }
        content.removeLast(content.count - count)
        return content
    }

    package static func exists(_ path: String) -> Bool { kind(of: path) != nil }

    /// The path without links, `.` and `..`; itself if there is nothing.
    package static func resolved(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    package static func isDirectory(_ path: String) -> Bool { kind(of: path) == S_IFDIR }

    /// Whether the path is a plain file, or a link to one.
    package static func isFile(_ path: String) -> Bool { kind(of: path) == S_IFREG }

    /// Size in bytes of a file.
    package static func size(of path: String) throws(StorageError) -> Int {
        var attributes = stat()
        guard stat(path, &attributes) == 0 else { throw .last("read", path) }
        return Int(attributes.st_size)
    }

    /// The names in a folder, sorted by their bytes, without `.` and `..`.
    package static func list(_ directory: String) throws(StorageError) -> [String] {
        guard let stream = opendir(directory) else { throw .last("list", directory) }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw .last("list", directory) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// All files below a folder, as paths within it, folder by folder in the order of `list`.
    package static func files(below directory: String) throws(StorageError) -> [String] {
        var paths: [String] = []
        for name in try list(directory) {
            let path = join(directory, name)
            if isDirectory(path) {
                paths += try files(below: path).map { join(name, $0) }
            } else {
                paths.append(name)
            }
        }
        return paths
    }

    /// Makes a folder and those above it; those that exist already are fine.
    package static func makeDirectories(_ path: String) throws(StorageError) {
        if mkdir(path, 0o777) == 0 { return }
        switch errno {
        case EEXIST:
            guard isDirectory(path) else {
                if let target = linkTarget(of: path), !exists(path) { throw .danglingLink(path: path, target: target) }
                throw .notDirectory(path: path)
            }
        case ENOENT:
            let parent = parent(of: path)
            guard parent != path, parent != "." else { throw .last("create the folder", path) }
            try makeDirectories(parent)
            // Another rank may have made it in the meantime.
            guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
                throw errno == ENOENT ? .nothingMade(path: path) : .last("create the folder", path)
            }
        default: throw .last("create the folder", path)
        }
    }

    /// The path that a link holds; nil for what is no link.
    private static func linkTarget(of path: String) -> String? {
        var text = [CChar](repeating: 0, count: 4096)
        let length = readlink(path, &text, text.count)
        guard length > 0 else { return nil }
        return text.withUnsafeBytes { String(decoding: $0.prefix(length), as: UTF8.self) }
    }

    /// Removes a file, a link (never what it points to) or an empty folder; nothing there is fine.
    package static func remove(_ path: String) throws(StorageError) {
        guard Glibc.remove(path) == 0 || errno == ENOENT else { throw .last("remove", path) }
    }

    /// Removes a folder and all that is in it, or a file; nothing there is fine. Links are removed, not followed.
    package static func removeTree(_ path: String) throws(StorageError) {
        var attributes = stat()
        guard lstat(path, &attributes) == 0 else {
            if errno == ENOENT { return }
            throw .last("remove", path)
        }
        if attributes.st_mode & S_IFMT == S_IFDIR {
            for name in try list(path) { try removeTree(join(path, name)) }
        }
        try remove(path)
    }

    /// Renames a file or a folder within one disk. A file there already is replaced in one go, a full folder is not.
    package static func rename(_ path: String, to target: String) throws(StorageError) {
        guard Glibc.rename(path, target) == 0 else { throw .last("rename to \(target)", path) }
    }

    /// Copies the content of one file to a new one, which isn't synchronised yet.
    package static func copy(_ path: String, to target: String) throws(StorageError) {
        let source = try MappedFile(path: path)
        try OpenFile(creating: target).write(source.bytes)
        withExtendedLifetime(source) {}
    }

    /// Gives a file a second name without writing its bytes again; copies it where the two places can't share a file
    /// (another disk, a file system without links). Either name outlives the removal of the other.
    package static func linkOrCopy(_ path: String, to target: String) throws(StorageError) {
        if link(path, target) == 0 { return }
        guard [EXDEV, EPERM, EMLINK, EOPNOTSUPP, ENOSYS].contains(errno) else { throw .last("link to \(target)", path) }
        try copy(path, to: target)
    }

    /// Returns once a file's content, or a folder's names, are on the disk.
    package static func synchronize(_ path: String) throws(StorageError) {
        try OpenFile(existing: path).synchronize()
    }

    /// `directory/name`.
    package static func join(_ directory: String, _ name: String) -> String {
        directory.isEmpty || directory.hasSuffix("/") ? directory + name : directory + "/" + name
    }

    /// The folder a path lies in: `.` for a plain name.
    package static func parent(of path: String) -> String {
        let trimmed = withoutTrailingSlashes(path)
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : withoutTrailingSlashes(String(trimmed[..<slash]))
    }

    /// The last part of a path.
    package static func name(of path: String) -> String {
        let trimmed = withoutTrailingSlashes(path)
        guard let slash = trimmed.lastIndex(of: "/"), trimmed != "/" else { return trimmed }
        return String(trimmed[trimmed.index(after: slash)...])
    }

    private static func withoutTrailingSlashes(_ path: String) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }

    static func kind(of path: String) -> mode_t? {
        var attributes = stat()
        return stat(path, &attributes) == 0 ? attributes.st_mode & S_IFMT : nil
    }
}
