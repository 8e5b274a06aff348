import Storage

/// Writes a safetensors file tensor by tensor, in a given order, without holding it in memory.
///
/// The header comes first, so the layout is fixed at the start; what is written is held against it. Nothing is
/// atomic here: write inside `CheckpointFolder.write`, or to a temporary name.
package struct SafetensorsWriter: ~Copyable {
    /// One tensor to come.
    package typealias Entry = (name: String, elementType: ElementType, shape: [Int])

    package let path: String
    private let file: OpenFile
    private let names: [String]
    /// Bytes of each tensor.
    private let sizes: [Int]
    private var current = 0
    /// Bytes of the current tensor written so far.
    private var written = 0
    /// Of the whole file so far.
    private var size: Int
    /// Bytes from the start that have been sent to the disk.
    private var released = 0
    private var digest: Digest

    /// Creates the file and writes its header, padded with spaces to 8 bytes so that the tensors are aligned.
    /// - Throws: `CheckpointError.layout` for a name twice, an impossible shape, or an order that would leave a tensor
    ///   misaligned (wider elements go first).
    package init(
        path: String, layout: [Entry], metadata: [String: String] = ["format": "pt"]
    ) throws(CheckpointError) {
        let header = try Header(path: path, layout: layout, metadata: metadata)
        let file = try CheckpointError.storing { () throws(StorageError) in
            let file = try OpenFile(creating: path)
            try header.bytes.withUnsafeBufferPointer { buffer throws(StorageError) in
                try file.write(UnsafeRawBufferPointer(buffer))
            }
            return file
        }
        var digest = Digest()
        digest.update(header.bytes)
        self.digest = digest
        size = header.bytes.count
        self.path = path
        self.file = file
        names = layout.map(\.name)
        sizes = header.sizes
        skipComplete()
    }

    /// The bytes written and sent to the disk at a time. The disk works while the next come, and pages of a file as
    /// large as the model neither pile up nor drive others out of memory, such as those of a base that is read in
    /// place.
    private static let piece = 8 << 20

    /// Writes the next bytes of the current tensor: all of them, or a piece. Little-endian elements, row-major.
    /// - Throws: `CheckpointError.layout` for more bytes than the tensor has left.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
        guard !bytes.isEmpty else { return }
        guard current < names.count else {
            throw .layout(path: path, reason: "\(bytes.count) bytes too many: every tensor is written already")
        }
        guard bytes.count <= sizes[current] - written else {
            throw .layout(
                path: path,
                reason: "tensor \"\(names[current])\" was given \(written + bytes.count) bytes, expected "
                    + "\(sizes[current])")
        }
        for start in stride(from: 0, to: bytes.count, by: SafetensorsWriter.piece) {
            let piece = UnsafeRawBufferPointer(
                rebasing: bytes[start..<min(bytes.count, start + SafetensorsWriter.piece)])
            do { try file.write(piece) } catch { throw .storage(error) }
            digest.update(piece)
            size += piece.count
            release()
        }
        written += bytes.count
        skipComplete()
    }

    /// Sends what has been written to the disk, and lets go of what lies two pieces back and will be there by now.
    private mutating func release() {
        guard size - released >= SafetensorsWriter.piece else { return }
        file.release(max(0, released - 2 * SafetensorsWriter.piece)..<size)
        released = size
    }

    /// Ends the file. Its content isn't synchronised yet: `CheckpointFolder.write` does that for a whole folder.
    /// - Returns: the file's checksum, by its name.
    /// - Throws: `CheckpointError.layout` if a tensor is missing or incomplete.
    @discardableResult
    package consuming func finish() throws(CheckpointError) -> Checksums {
        guard current == names.count else {
            throw .layout(
                path: path,
                reason: "tensor \"\(names[current])\" has \(written) of its \(sizes[current]) bytes, and "
                    + "\(names.count - current - 1) more tensors are missing")
        }
        return Checksums(of: FileSystem.name(of: path), size: size, digest: digest.finish())
    }

    /// Moves on past tensors that have all their bytes: at once for those that have none.
    private mutating func skipComplete() {
        while current < sizes.count, written == sizes[current] {
            current += 1
            written = 0
        }
    }
}

/// The start of a file: the size of the header, and the header itself.
private struct Header {
    let bytes: [UInt8]
    /// Bytes of each tensor.
    let sizes: [Int]

    init(path: String, layout: [SafetensorsWriter.Entry], metadata: [String: String]) throws(CheckpointError) {
        var header = JSONObject()
        if !metadata.isEmpty {
            var texts = JSONObject()
            for (name, text) in metadata.sorted(by: { $0.key < $1.key }) { texts[name] = .string(text) }
            header["__metadata__"] = .object(texts)
        }
        var sizes: [Int] = []
        var end = 0
        for (name, elementType, shape) in layout {
            let start = end
            guard header[name] == nil, name != "__metadata__" else {
                throw .layout(path: path, reason: "two tensors are to be named \"\(name)\"")
            }
            guard let size = elementType.byteCount(of: shape), size <= Int.max - start else {
                throw .layout(path: path, reason: "tensor \"\(name)\" has the impossible shape \(shape)")
            }
            guard start % elementType.size == 0 else {
                throw .layout(
                    path: path,
                    reason: "tensor \"\(name)\" would start at byte \(start), which isn't a multiple of its "
                        + "\(elementType.size)-byte elements; put wider elements first")
            }
            end += size
            sizes.append(size)
            header[name] = [
                "dtype": .string(elementType.rawValue),
                "shape": .array(shape.map { .integer($0) }),
                "data_offsets": [.integer(start), .integer(end)],
            ]
        }
        var text = Array(JSON.object(header).text.utf8)
        text += repeatElement(UInt8(ascii: " "), count: -text.count & 7)
        bytes = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
        self.sizes = sizes
    }
}
