import Checkpoints
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

    /// Writes a file and returns its path. Nothing is synchronised: some tests write thousands.
    func write(_ bytes: [UInt8], as name: String) throws -> String {
        let path = file(name)
        try bytes.withUnsafeBytes { try OpenFile(creating: path).write($0) }
        return path
    }

    func write(_ text: String, as name: String) throws -> String { try write(Array(text.utf8), as: name) }
}

/// A file committed beside the tests.
func fixture(_ name: String) -> String {
    FileSystem.join(FileSystem.join(FileSystem.parent(of: #filePath), "Fixtures"), name)
}

/// SplitMix64: the same numbers on every machine, so that a fuzzed failure can be seen again.
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

/// One to four random changes: a flipped bit, another byte, a piece cut, a piece doubled, the tail gone.
func mutated(_ original: [UInt8], with generator: inout SeededGenerator) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        let end = min(bytes.count, place + Int.random(in: 1...16, using: &generator))
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes[place] = .random(in: 0...255, using: &generator)
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
        default: bytes.removeSubrange(place...)
        }
    }
    return bytes
}

extension TensorView {
    /// The bytes as hexadecimal digits, as `Fixtures/values.json` has them.
    var hex: String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
