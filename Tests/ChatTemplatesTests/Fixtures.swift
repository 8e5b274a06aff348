import Storage

/// Where the committed fixtures and the real data beside the repository are.
enum Fixtures {
    static let directory = FileSystem.join(FileSystem.parent(of: #filePath), "Fixtures")
    static let shared = FileSystem.join(
        FileSystem.parent(of: FileSystem.parent(of: FileSystem.parent(of: FileSystem.parent(of: #filePath)))), "shared")

    static func rows(_ name: String) throws -> [JSON] {
        var reader = try LineReader(path: FileSystem.join(directory, name))
        var rows: [JSON] = []
        while let line = try reader.next() { rows.append(try JSON.parse(line)) }
        return rows
    }
}
