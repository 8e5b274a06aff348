import Storage

/// Streams the rows of a JSON Lines file (plain, `.gz` or `.zst`) that one rank owns.
///
/// Every rank reads the whole file and skips what isn't its own: reading is cheap beside encoding, and nobody needs to
/// know the number of rows beforehand. Rows are dealt in blocks, round and round.
public struct RowReader: ~Copyable {
    /// Rows dealt to a rank at a time: small, so that even a short file is spread over all ranks.
    public static let block = 8

    public struct Row {
        public let bytes: [UInt8]
        /// Counted from 1, blank lines included.
        public let line: Int
        /// Counted from 0, blank lines left out.
        public let row: Int
    }

    private var lines: LineReader
    private let rank: Int
    private let worldSize: Int
    private var row = 0

    /// - Parameter rank: below `worldSize`.
    public init(path: String, rank: Int = 0, of worldSize: Int = 1) throws(PreferenceError) {
        do throws(StorageError) { lines = try LineReader(path: path) } catch { throw .storage(error) }
        self.rank = rank
        self.worldSize = worldSize
    }

    /// The next row of this rank; nil after the last.
    public mutating func next() throws(PreferenceError) -> Row? {
        while var bytes = try nextLine() {
            if lines.lineNumber == 1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
            guard !bytes.allSatisfy({ $0 == 0x20 || 0x09...0x0D ~= $0 }) else { continue }
            row += 1
            let isOwned = (row - 1) / Self.block % worldSize == rank
            if isOwned { return Row(bytes: bytes, line: lines.lineNumber, row: row - 1) }
        }
        return nil
    }

    /// The line read last, counted from 1.
    var line: Int { lines.lineNumber }

    private mutating func nextLine() throws(PreferenceError) -> [UInt8]? {
        do throws(StorageError) { return try lines.next() } catch { throw .storage(error) }
    }
}
