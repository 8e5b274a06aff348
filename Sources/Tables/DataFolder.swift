import Storage

/// A folder of shards: files of one format that are read one after the other.
package enum DataFolder {
    /// The data files that a path stands for: the file itself, or those of a folder in the order of their names. Hidden
    /// files and files of other kinds (a README) are passed over; subfolders are not entered.
    /// - Throws: `TableError.folder` unless a folder has data files, all of one format.
    package static func files(_ path: String) throws(TableError) -> [String] {
        guard FileSystem.isDirectory(path) else { return [path] }
        let names = try stored { () throws(StorageError) in try FileSystem.list(path) }
        var shards: [(path: String, format: TableFormat)] = []
        for name in names where !name.hasPrefix(".") {
            let file = FileSystem.join(path, name)
            if let format = TableFormat(name: name), !FileSystem.isDirectory(file) { shards.append((file, format)) }
        }
        guard let first = shards.first else {
            let kinds = TableFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw .folder(path: path, reason: "the folder has no data files (\(kinds)); name the folder they lie in")
        }
        if let other = shards.first(where: { $0.format != first.format }) {
            throw .folder(
                path: path,
                reason: "the folder has \(first.format.rawValue) (\(FileSystem.name(of: first.path))) and "
                    + "\(other.format.rawValue) (\(FileSystem.name(of: other.path))); list the files that are meant")
        }
        return shards.map(\.path)
    }
}
