import Foundation
import Storage

/// A folder of a test's own, gone with it.
public final class TemporaryDirectory {
    public let path: String

    public init() throws {
        path = FileSystem.join(NSTemporaryDirectory(), "prefopt-\(UUID().uuidString)")
        try FileSystem.makeDirectories(path)
    }

    deinit { try? FileSystem.removeTree(path) }

    public func file(_ name: String) -> String { FileSystem.join(path, name) }

    /// Writes a file and returns its path. Nothing is synchronised: some tests write thousands.
    public func write(_ bytes: [UInt8], as name: String) throws -> String {
        let path = file(name)
        try FileSystem.makeDirectories(FileSystem.parent(of: path))
        try bytes.withUnsafeBytes { try OpenFile(creating: path).write($0) }
        return path
    }

    public func write(_ text: String, as name: String) throws -> String { try write(Array(text.utf8), as: name) }
}

/// A file committed beside the tests that ask for it.
public func fixture(_ name: String, beside file: String = #filePath) -> String {
    FileSystem.join(FileSystem.join(FileSystem.parent(of: file), "Fixtures"), name)
}
