/// DELTA_BINARY_PACKED: whole numbers as differences, packed in blocks with a smallest difference each.
struct DeltaDecoder {
    private(set) var cursor: ByteCursor
    private let perMiniblock: Int
    private let miniblocks: Int
    /// Numbers that were not given out yet.
    private(set) var left: Int
    private var value: Int64
    private var isFirst = true
    // The block at hand.
    private var smallest: Int64 = 0
    private var widths: ArraySlice<UInt8> = []
    private var packed = BitReader()
    private var width = 0
    private var inMiniblock = 0

    init(_ bytes: ArraySlice<UInt8>) throws(ParquetFault) {
        cursor = ByteCursor(bytes)
        let block = try cursor.count()
        miniblocks = try cursor.count()
        left = try cursor.count()
        value = try cursor.zigzag()
        guard miniblocks > 0, block % miniblocks == 0, block / miniblocks > 0, block / miniblocks % 8 == 0,
            block <= 1 << 20
        else { throw .damaged("delta blocks of \(block) numbers in \(miniblocks) parts") }
        perMiniblock = block / miniblocks
    }

    mutating func next() throws(ParquetFault) -> Int64 {
        guard left > 0 else { throw .damaged("more values are wanted than the deltas have") }
        left -= 1
        if isFirst {
            isFirst = false
            return value
        }
        if inMiniblock == 0 { try startMiniblock() }
        inMiniblock -= 1
        value = value &+ smallest &+ Int64(bitPattern: packed.next(width))
        return value
    }

    private mutating func startMiniblock() throws(ParquetFault) {
        if widths.isEmpty {
            smallest = try cursor.zigzag()
            widths = try cursor.take(miniblocks)
        }
        width = Int(widths.removeFirst())
        guard width <= 64 else { throw .damaged("deltas of \(width) bits") }
        // The last part may end with its last number.
        packed = BitReader(try cursor.take(min(perMiniblock / 8 * width, cursor.remaining)))
        inMiniblock = perMiniblock
    }

    /// The bytes that follow these deltas. Their numbers are passed over a part at a time, whatever their count claims.
    func rest() throws(ParquetFault) -> ArraySlice<UInt8> {
        var copy = self
        var left = max(0, copy.left - (isFirst ? 1 : 0) - inMiniblock)
        while left > 0 {
            try copy.startMiniblock()
            left -= min(left, perMiniblock)
        }
        return copy.cursor.bytes[copy.cursor.position...]
    }
}
