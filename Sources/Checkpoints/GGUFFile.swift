import Storage

/// llama.cpp's file of a model: named values, then named tensors, each at a multiple of 32 bytes. Version 3 of the format,
/// little-endian.
package struct GGUFFile: Sendable {
    /// A named value's value.
    package enum Value: Sendable, Equatable {
        case uint32(Int)
        case float32(Float)
        case bool(Bool)
        case string(String)
        case strings([String])
        case int32s([Int32])
        case float32s([Float])
    }

    /// The storage of a tensor's elements; the raw value is the type's number in files.
    package enum TensorType: UInt32, Sendable {
        case float32 = 0
        case float16 = 1
        /// Blocks of 32: a float16 scale, then 32 signed bytes.
        case q8 = 8
        case bfloat16 = 30

        /// Elements of a block, and its bytes.
        var block: (elements: Int, bytes: Int) {
            switch self {
            case .float32: (1, 4)
            case .float16, .bfloat16: (1, 2)
            case .q8: (32, 34)
            }
        }

        /// Bytes of a row of so many elements, a multiple of the block's.
        package func bytes(of elements: Int) -> Int { elements / block.elements * block.bytes }
    }

    /// One tensor to come.
    package struct Tensor: Sendable, Equatable {
        package let name: String
        package let type: TensorType
        /// [rows, columns], or [elements].
        package let shape: [Int]

        package init(name: String, type: TensorType, shape: [Int]) {
            self.name = name
            self.type = type
            self.shape = shape
        }

        var bytes: Int { type.bytes(of: shape.reduce(1, *)) }
    }

    private static let alignment = 32

    package var values: [(name: String, value: Value)]
    package var tensors: [Tensor]

    package init(values: [(name: String, value: Value)], tensors: [Tensor]) {
        self.values = values
        self.tensors = tensors
    }

    /// Writes the file beside its name and renames it into place. `content` is asked for the tensors in order and hands
    /// over each one's bytes, in pieces as it likes.
    ///
    /// - Throws: `CheckpointError.layout` when a tensor is given more or fewer bytes than it has.
    package func write(
        to path: String,
        content: (
            _ tensor: Int, _ write: (UnsafeRawBufferPointer) throws(StorageError) -> Void
        ) throws(StorageError) -> Void
    ) throws(CheckpointError) {
        var wrong: CheckpointError?
        try CheckpointError.storing { () throws(StorageError) in
            try AtomicFile.write(to: path) { file throws(StorageError) in
                try GGUFFile.write(header, to: file)
                for (number, tensor) in tensors.enumerated() {
                    var written = 0
                    try content(number) { bytes throws(StorageError) in
                        written += bytes.count
                        try file.write(bytes)
                    }
                    guard written == tensor.bytes else {
                        wrong = .layout(
                            path: path,
                            reason: "tensor \"\(tensor.name)\" was given \(written) bytes, expected \(tensor.bytes)")
                        throw .short(action: "writing", path: path, expected: tensor.bytes, moved: written)
                    }
                    try GGUFFile.write([UInt8](repeating: 0, count: -written & (GGUFFile.alignment - 1)), to: file)
                }
            }
        } recovering: {
            wrong
        }
    }

    private static func write(_ bytes: [UInt8], to file: borrowing OpenFile) throws(StorageError) {
        try bytes.withUnsafeBufferPointer { buffer throws(StorageError) in
            try file.write(UnsafeRawBufferPointer(buffer))
        }
    }

    // MARK: - The header

    private var header: [UInt8] {
        var bytes = Array("GGUF".utf8)
        bytes.append(integer: UInt32(3))
        bytes.append(integer: UInt64(tensors.count))
        bytes.append(integer: UInt64(values.count))
        for (name, value) in values {
            bytes.append(text: name)
            bytes.append(value)
        }
        var offset = 0
        for tensor in tensors {
            bytes.append(text: tensor.name)
            bytes.append(integer: UInt32(tensor.shape.count))
            // Innermost first.
            for size in tensor.shape.reversed() { bytes.append(integer: UInt64(size)) }
            bytes.append(integer: tensor.type.rawValue)
            bytes.append(integer: UInt64(offset))
            offset += tensor.bytes + (-tensor.bytes & (GGUFFile.alignment - 1))
        }
        bytes += repeatElement(0, count: -bytes.count & (GGUFFile.alignment - 1))
        return bytes
    }
}

extension CheckpointError {
    /// `storing`, with an error of this target's to throw instead where there is one.
    fileprivate static func storing(
        _ action: () throws(StorageError) -> Void, recovering: () -> CheckpointError?
    ) throws(CheckpointError) {
        do { try action() } catch { throw recovering() ?? .storage(error) }
    }
}

extension [UInt8] {
    fileprivate mutating func append(integer: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: integer.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(text: String) {
        append(integer: UInt64(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    /// A value after the number of its type; a list after that of its elements' too.
    fileprivate mutating func append(_ value: GGUFFile.Value) {
        let list = UInt32(9)
        switch value {
        case .uint32(let number):
            append(integer: UInt32(4))
            append(integer: UInt32(truncatingIfNeeded: number))
        case .float32(let number):
            append(integer: UInt32(6))
            append(integer: number.bitPattern)
        case .bool(let flag):
            append(integer: UInt32(7))
            append(flag ? 1 : 0)
        case .string(let text):
            append(integer: UInt32(8))
            append(text: text)
        case .strings(let texts):
            append(integer: list)
            append(integer: UInt32(8))
            append(integer: UInt64(texts.count))
            for text in texts { append(text: text) }
        case .int32s(let numbers):
            append(integer: list)
            append(integer: UInt32(5))
            append(integer: UInt64(numbers.count))
            for number in numbers { append(integer: number) }
        case .float32s(let numbers):
            append(integer: list)
            append(integer: UInt32(6))
            append(integer: UInt64(numbers.count))
            for number in numbers { append(integer: number.bitPattern) }
        }
    }
}
