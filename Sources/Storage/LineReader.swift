import Glibc

/// Reads the lines of a text file, plain, gzip or Zstandard (told by its first bytes), as they are asked for. Memory stays
/// at one buffer and the longest line, whatever the size of the file.
package struct LineReader: ~Copyable {
    /// Longer lines are an error, so that a file without newlines, or a compressed bomb, can't eat the memory.
    package static let longestLine = 256 << 20

    package let path: String
    /// The number of the line returned last, from 1.
    package private(set) var lineNumber = 0

    private var source: ByteSource
    private var buffer: [UInt8]
    private var unread = 0..<0

    package init(path: String) throws(StorageError) {
        try self.init(path: path, bufferSize: 1 << 18)
    }

    /// A small buffer lets tests cut lines everywhere.
    package init(path: String, bufferSize: Int) throws(StorageError) {
        self.path = path
        source = try ByteSource(path: path, bufferSize: bufferSize)
        buffer = [UInt8](repeating: 0, count: bufferSize)
    }

    /// The next line without its end (`\n` or `\r\n`), `nil` after the last. An empty line is an empty array; the last
    /// line may lack its end.
    /// - Throws: `StorageError.corrupt` or `.truncated` for compressed data that is broken, also when only the tail is.
    package mutating func next() throws(StorageError) -> [UInt8]? {
        var line: [UInt8] = []
        while true {
            if unread.isEmpty {
                let count = try source.read(into: &buffer)
                unread = 0..<count
                if count == 0 {
                    guard !line.isEmpty else { return nil }
                    lineNumber += 1
                    return line
                }
            }
            let end = firstNewline()
            let piece = unread.lowerBound..<(end ?? unread.upperBound)
            guard line.count + piece.count <= LineReader.longestLine else {
                throw .longLine(path: path, line: lineNumber + 1, limit: LineReader.longestLine)
            }
            line.append(contentsOf: buffer[piece])
            if let end {
                unread = end + 1..<unread.upperBound
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                lineNumber += 1
                return line
            }
            unread = 0..<0
        }
    }

    /// The place of the next newline in the buffer: `memchr` is several times faster than a loop.
    private func firstNewline() -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress,
                let found = memchr(start + unread.lowerBound, Int32(UInt8(ascii: "\n")), unread.count)
            else { return nil }
            return UnsafeRawPointer(found) - start
        }
    }
}
