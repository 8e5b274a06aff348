import Glibc

/// The tokens of the pieces that one thread met last, so that a word which comes again costs one look-up instead of its
/// merges. A direct-mapped table: a new piece takes the place of an older one of the same hash.
///
/// Slots are eight words, one cache line: the piece's bytes and, in the last of these, their number; the bytes that
/// each token covers; the tokens. Longer pieces, and pieces of more tokens, are not kept.
final class PieceMemory {
    static let longestPiece = 23
    static let mostTokens = 8

    /// A piece's bytes in three words, the last byte being their number.
    struct Key: Equatable {
        var first: UInt64 = 0
        var second: UInt64 = 0
        var third: UInt64 = 0

        /// Nil for a piece that is too long to be kept.
        @inline(__always)
        init?(_ piece: UnsafeRawBufferPointer) {
            let count = piece.count
            guard count <= PieceMemory.longestPiece else { return nil }
            func word(_ place: Int) -> UInt64 { piece.loadUnaligned(fromByteOffset: place, as: UInt64.self) }
            if count < 8 {
                first = Key.short(piece)
            } else {
                first = word(0)
                // The last eight bytes, without those that are in the words before.
                if count > 16 {
                    second = word(8)
                    third = word(count - 8) >> UInt64(8 * (24 - count))
                } else if count > 8 {
                    second = word(count - 8) >> UInt64(8 * (16 - count))
                }
            }
            third |= UInt64(count) << 56
        }

        /// Up to seven bytes in one word.
        @inline(__always)
        private static func short(_ piece: UnsafeRawBufferPointer) -> UInt64 {
            let count = piece.count
            if count >= 4 {
                let start = UInt64(piece.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
                let end = UInt64(piece.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
                return start | end << UInt64(8 * (count - 4))
            }
            guard count > 0 else { return 0 }
            return UInt64(piece[0]) | UInt64(piece[count / 2]) << UInt64(8 * (count / 2))
                | UInt64(piece[count - 1]) << UInt64(8 * (count - 1))
        }

        @inline(__always)
        fileprivate var slot: Int {
            var hash = first &* 0x9E37_79B9_7F4A_7C15
            hash ^= (second &+ hash >> 32) &* 0xFF51_AFD7_ED55_8CCD
            hash ^= (third &+ hash >> 29) &* 0xC4CE_B9FE_1A85_EC53
            hash = (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15
            return Int(truncatingIfNeeded: hash >> PieceMemory.shift)
        }
    }

    private static let slotBits: UInt64 = 16
    private static let shift = 64 - slotBits
    private static let size = 64 << Int(slotBits)
    private static let wordsPerSlot = 8

    /// Nil if nothing is to be remembered, or if the system gives no memory.
    private let words: UnsafeMutablePointer<UInt64>?

    init(remembers: Bool) {
        guard remembers else {
            words = nil
            return
        }
        // Mapped pages are zero, and cost nothing before they are used: an empty slot is a piece of no bytes.
        let mapped = mmap(nil, PieceMemory.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        words = mapped == MAP_FAILED ? nil : mapped?.assumingMemoryBound(to: UInt64.self)
    }

    deinit {
        if let words { munmap(words, PieceMemory.size) }
    }

    /// The tokens of a piece, if they are known: `body` is called for each with the bytes it covers.
    @inline(__always)
    func tokens(of key: Key, _ body: (_ id: Int32, _ length: Int) -> Void) -> Bool {
        guard let words else { return false }
        let slot = words + key.slot * PieceMemory.wordsPerSlot
        guard slot[0] == key.first, slot[1] == key.second, slot[2] == key.third else { return false }
        var lengths = slot[3]
        let ids = UnsafeRawPointer(slot + 4)
        var place = 0
        while lengths != 0 {
            body(ids.load(fromByteOffset: place, as: Int32.self), Int(lengths & 0xFF))
            lengths >>= 8
            place &+= 4
        }
        return true
    }

    func keep(_ tokens: PieceTokens, of key: Key) {
        guard let words, tokens.ids.count <= PieceMemory.mostTokens, tokens.followEachOther else { return }
        let slot = words + key.slot * PieceMemory.wordsPerSlot
        (slot[0], slot[1], slot[2], slot[3]) = (key.first, key.second, key.third, 0)
        let ids = UnsafeMutableRawPointer(slot + 4)
        for index in tokens.ids.indices {
            slot[3] |= UInt64(tokens.ends[index] - tokens.starts[index]) << UInt64(8 * index)
            ids.storeBytes(of: tokens.ids[index], toByteOffset: 4 * index, as: Int32.self)
        }
    }
}

/// The tokens of one piece and the bytes of it that each stands for.
struct PieceTokens {
    private(set) var ids: [Int32] = []
    private(set) var starts: [Int32] = []
    private(set) var ends: [Int32] = []

    mutating func removeAll() {
        ids.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    mutating func append(_ id: Int32, _ range: Range<Int32>) {
        ids.append(id)
        starts.append(range.lowerBound)
        ends.append(range.upperBound)
    }

    mutating func reverse() {
        ids.reverse()
        starts.reverse()
        ends.reverse()
    }

    /// Whether each token begins where the one before it ends, the first at 0, and none is empty.
    fileprivate var followEachOther: Bool {
        var place: Int32 = 0
        for index in ids.indices {
            guard starts[index] == place, ends[index] > place else { return false }
            place = ends[index]
        }
        return true
    }
}
