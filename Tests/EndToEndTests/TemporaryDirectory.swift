import Foundation
import Storage

/// A folder of a test's own, gone with it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = FileSystem.join(NSTemporaryDirectory(), "prefopt-\(UUID().uuidString)")
        try FileSystem.makeDirectories(path)
    }

    deinit { try? FileSystem.removeTree(path) }

    func file(_ name: String) -> String { FileSystem.join(path, name) }

    func write(_ bytes: [UInt8], as name: String) throws -> String {
        let path = file(name)
        try FileSystem.makeDirectories(FileSystem.parent(of: path))
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    func write(_ text: String, as name: String) throws -> String { try write(Array(text.utf8), as: name) }
}

/// SplitMix64: the same numbers on every machine, so that a failure can be seen again.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
