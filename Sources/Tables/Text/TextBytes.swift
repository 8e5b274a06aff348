import Storage

/// The bytes of a text file one by one, decompressed, with the line they stand in.
struct TextBytes: ~Copyable {
    let path: String
    /// Of the next byte, from 1.
    private(set) var line = 1
    private var source: ByteSource
    private var buffer: [UInt8]
    private var unread = 0..<0
    private var isFirst = true

    init(path: String, bufferSize: Int = 1 << 18) throws(TableError) {
        self.path = path
        source = try stored { () throws(StorageError) in try ByteSource(path: path, bufferSize: bufferSize) }
        buffer = [UInt8](repeating: 0, count: bufferSize)
    }

    /// The next byte without taking it; nil at the end.
    mutating func peek() throws(TableError) -> UInt8? {
        if unread.isEmpty {
            let count: Int
            do throws(StorageError) { count = try source.read(into: &buffer) } catch { throw .storage(error) }
            unread = 0..<count
            if count == 0 { return nil }
            // A byte-order mark.
            if isFirst, buffer[unread].starts(with: [0xEF, 0xBB, 0xBF]) { unread = 3..<count }
            isFirst = false
            if unread.isEmpty { return try peek() }
        }
        return buffer[unread.lowerBound]
    }

    mutating func next() throws(TableError) -> UInt8? {
        guard let byte = try peek() else { return nil }
        unread = unread.lowerBound + 1..<unread.upperBound
        if byte == UInt8(ascii: "\n") { line += 1 }
        return byte
    }
}
