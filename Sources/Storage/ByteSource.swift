/// The content of a file, decompressed if its first bytes say so, in bounded memory.
package struct ByteSource: ~Copyable {
    private let file: OpenFile
    private let decoder: StreamDecoder?
    private var input: [UInt8]
    private var unread: Range<Int>
    /// Compressed bytes given to the decoder so far, for messages.
    private var taken = 0
    private var atEnd = false

    package init(path: String, bufferSize: Int) throws(StorageError) {
        let file = try OpenFile(reading: path)
        var input = [UInt8](repeating: 0, count: max(bufferSize, 4))
        // A pipe may give its first bytes one by one.
        var count = 0
        while count < 4 {
            let more = try ByteSource.fill(&input, from: count, file)
            if more == 0 { break }
            count += more
        }
        let decoder = StreamDecoder(start: input[..<count])
        if decoder == nil, count < 4,
            let format = [".gz": "gzip", ".zst": "Zstandard"].first(where: {
                path.hasSuffix($0.key)
            })
        {
            // No compressor writes so little: the download stopped at once.
            throw .truncated(path: path, format: format.value, offset: count)
        }
        self.file = file
        self.decoder = decoder
        self.input = input
        unread = 0..<count
    }

    /// Fills the start of `output` with content; 0 means the end.
    package mutating func read(into output: inout [UInt8]) throws(StorageError) -> Int {
        guard let decoder else { return try readPlain(into: &output) }
        while true {
            if unread.isEmpty, !atEnd {
                unread = 0..<(try ByteSource.fill(&input, from: 0, file))
                atEnd = unread.isEmpty
            }
            let step: StreamDecoder.Step
            do {
                step = try decoder.decode(input[unread], into: &output)
            } catch {
                throw .corrupt(path: file.path, format: decoder.format, offset: taken, reason: error.reason)
            }
            unread = unread.lowerBound + step.consumed..<unread.upperBound
            taken += step.consumed
            if step.produced > 0 { return step.produced }
            if unread.isEmpty, atEnd {
                guard decoder.isBetweenFrames else {
                    throw .truncated(path: file.path, format: decoder.format, offset: taken)
                }
                return 0
            }
        }
    }

    private mutating func readPlain(into output: inout [UInt8]) throws(StorageError) -> Int {
        guard !unread.isEmpty else { return try ByteSource.fill(&output, from: 0, file) }
        let piece = unread.prefix(output.count)
        output.replaceSubrange(0..<piece.count, with: input[piece])
        unread = piece.upperBound..<unread.upperBound
        return piece.count
    }

    private static func fill(
        _ buffer: inout [UInt8], from start: Int, _ file: borrowing OpenFile
    ) throws(StorageError) -> Int {
        try buffer.withUnsafeMutableBufferPointer { bytes throws(StorageError) in
            let room = UnsafeMutableBufferPointer(rebasing: bytes[start...])
            return try file.read(into: UnsafeMutableRawBufferPointer(room))
        }
    }
}
