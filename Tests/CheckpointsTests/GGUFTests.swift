import Checkpoints
import Scratch
import Storage
import Testing

@Suite("GGUF files") struct GGUFTests {
    /// Reads a file back, literally.
    private struct Reading {
        var bytes: ArraySlice<UInt8>

        mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer {
            defer { bytes = bytes.dropFirst(Integer.bitWidth / 8) }
            return bytes.prefix(Integer.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Integer(truncatingIfNeeded: $1) }
        }

        mutating func text() -> String {
            let count = Int(integer(UInt64.self))
            defer { bytes = bytes.dropFirst(count) }
            return String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }

    @Test("values and tensors stand where the format says, tensors at multiples of 32 bytes")
    func layout() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/model.gguf"
        let file = GGUFFile(
            values: [
                ("general.architecture", .string("llama")), ("a.count", .uint32(7)), ("a.flag", .bool(true)),
                ("a.words", .strings(["x", "yz"])),
            ],
            tensors: [
                .init(name: "first", type: .float32, shape: [3]), .init(name: "second", type: .q8, shape: [2, 32]),
            ])
        let contents: [[UInt8]] = [Array(1...12), Array(repeating: 9, count: 68)]
        try file.write(to: path) { number, write throws(StorageError) in
            try contents[number].withUnsafeBufferPointer { buffer throws(StorageError) in
                // In two pieces.
                try write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<5]))
                try write(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[5...]))
            }
        }
        let bytes = try FileSystem.read(path)
        var reading = Reading(bytes: bytes[...])
        #expect(reading.integer(UInt32.self) == 0x4655_4747, "GGUF")
        #expect(reading.integer(UInt32.self) == 3)
        #expect(reading.integer(UInt64.self) == 2)
        #expect(reading.integer(UInt64.self) == 4)
        #expect(reading.text() == "general.architecture" && reading.integer(UInt32.self) == 8)
        #expect(reading.text() == "llama")
        #expect(reading.text() == "a.count" && reading.integer(UInt32.self) == 4 && reading.integer(UInt32.self) == 7)
        #expect(reading.text() == "a.flag" && reading.integer(UInt32.self) == 7 && reading.integer(UInt8.self) == 1)
        #expect(reading.text() == "a.words" && reading.integer(UInt32.self) == 9)
        #expect(reading.integer(UInt32.self) == 8 && reading.integer(UInt64.self) == 2)
        #expect(reading.text() == "x" && reading.text() == "yz")
        #expect(reading.text() == "first" && reading.integer(UInt32.self) == 1 && reading.integer(UInt64.self) == 3)
        #expect(reading.integer(UInt32.self) == 0 && reading.integer(UInt64.self) == 0)
        #expect(reading.text() == "second" && reading.integer(UInt32.self) == 2)
        #expect(reading.integer(UInt64.self) == 32 && reading.integer(UInt64.self) == 2, "innermost first")
        #expect(reading.integer(UInt32.self) == 8 && reading.integer(UInt64.self) == 32)
        let start = (reading.bytes.startIndex + 31) / 32 * 32
        #expect(Array(bytes[start..<start + 12]) == contents[0])
        #expect(Array(bytes[start + 32..<start + 100]) == contents[1])
        #expect(bytes.count % 32 == 0)
    }

    @Test("a tensor with too few bytes is an error, and leaves no file")
    func short() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/model.gguf"
        let file = GGUFFile(values: [], tensors: [.init(name: "w", type: .float32, shape: [3])])
        #expect(throws: CheckpointError.self) {
            try file.write(to: path) { _, write throws(StorageError) in
                let bytes: [UInt8] = [1, 2, 3, 4]
                try bytes.withUnsafeBufferPointer { buffer throws(StorageError) in
                    try write(UnsafeRawBufferPointer(buffer))
                }
            }
        }
        #expect(try FileSystem.list(folder.path).isEmpty)
    }
}
