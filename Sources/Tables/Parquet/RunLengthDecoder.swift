/// Parquet's mixture of run lengths and bit-packed groups of eight: levels, dictionary indices, booleans. Values come one
/// by one, so that a run that claims 2³¹ values costs nothing.
struct RunLengthDecoder {
    private var cursor: ByteCursor
    private let width: Int
    /// Values left in the current run, and its value if it is one.
    private var left = 0
    private var repeated: UInt32?
    private var packed = BitReader()

    /// - Parameter width: bits of a value, 0 to 32.
    init(_ bytes: ArraySlice<UInt8>, width: Int) throws(ParquetFault) {
        guard 0...32 ~= width else { throw .damaged("values of \(width) bits") }
        cursor = ByteCursor(bytes)
        self.width = width
    }

    mutating func next() throws(ParquetFault) -> UInt32 {
        while left == 0 { try startRun() }
        left -= 1
        if let repeated { return repeated }
        return UInt32(truncatingIfNeeded: packed.next(width))
    }

    private mutating func startRun() throws(ParquetFault) {
        // Values without bits need no bytes.
        guard width > 0 || cursor.remaining > 0 else {
            (left, repeated) = (.max, 0)
            return
        }
        let head = try cursor.count()
        if head & 1 == 0 {
            left = head >> 1
            repeated = UInt32(truncatingIfNeeded: try cursor.unsigned(bytes: (width + 7) / 8))
            guard width == 32 || repeated ?? 0 < 1 << UInt32(width) else {
                throw .damaged("a value above \(width) bits")
            }
        } else {
            // Some writers leave out the unused end of the last group.
            let bytes = (head >> 1) * width
            packed = BitReader(try cursor.take(min(bytes, cursor.remaining)))
            left = width == 0 ? (head >> 1) * 8 : packed.count(width)
            repeated = nil
        }
    }
}

/// Numbers packed one after another, least significant bit first.
struct BitReader {
    private var bytes: ArraySlice<UInt8> = []
    private var position = 0
    private var window: UInt64 = 0
    private var bits = 0

    init() {}

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// Whole numbers of `width` bits in all the bytes.
    func count(_ width: Int) -> Int { bytes.count * 8 / width }

    /// The next number; what the bytes don't have is zero.
    mutating func next(_ width: Int) -> UInt64 {
        guard width <= 32 else {
            let low = next(32)
            return low | next(width - 32) << 32
        }
        while bits < width {
            if position < bytes.endIndex {
                window |= UInt64(bytes[position]) << UInt64(bits)
                position += 1
            }
            bits += 8
        }
        let value = window & (1 << UInt64(width) - 1)
        window >>= UInt64(width)
        bits -= width
        return value
    }
}
