/// Memory that tables are read from in the innermost loops: a plain pointer, so that no reference is counted and no bound
/// checked. Written while a table is built, never after.
final class FixedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
    let start: UnsafeMutablePointer<Element>

    init(repeating element: Element, count: Int) {
        start = .allocate(capacity: count)
        start.initialize(repeating: element, count: count)
    }

    deinit { start.deallocate() }
}

/// A hash table from 64-bit keys to 64-bit values in one array, keys beside values: one cache line per look-up.
/// The key `UInt64.max` is not allowed.
struct FlatTable: @unchecked Sendable {
    static let absent = UInt64.max

    private let buffer: FixedBuffer<UInt64>
    private let slots: UnsafeMutablePointer<UInt64>
    private let mask: Int
    private let shift: UInt64

    /// - Parameter capacity: the largest number of keys that will be inserted.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        mask = size - 1
        shift = UInt64(64 - size.trailingZeroBitCount)
        buffer = FixedBuffer(repeating: FlatTable.absent, count: size * 2)
        slots = buffer.start
    }

    @inline(__always)
    private func slot(of key: UInt64) -> Int { Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> shift) }

    /// The key of a pair of token ids.
    @inline(__always)
    static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// The value of a key, or `FlatTable.absent`.
    @inline(__always)
    subscript(key: UInt64) -> UInt64 {
        var slot = slot(of: key)
        while true {
            let found = slots[slot &* 2]
            if found == key { return slots[slot &* 2 &+ 1] }
            if found == FlatTable.absent { return FlatTable.absent }
            slot = (slot &+ 1) & mask
        }
    }

    mutating func set(_ key: UInt64, _ value: UInt64) {
        var slot = slot(of: key)
        while slots[slot * 2] != key, slots[slot * 2] != FlatTable.absent { slot = (slot + 1) & mask }
        slots[slot * 2] = key
        slots[slot * 2 + 1] = value
    }
}

/// Byte strings numbered by token id, in one block. Ids may have holes.
struct TokenBytes: Sendable {
    private var block: [UInt8] = []
    private var starts: [UInt32] = []
    /// −1 where there is no such id.
    private var lengths: [Int32] = []

    /// Largest id + 1.
    var count: Int { lengths.count }

    func contains(_ id: Int32) -> Bool { id >= 0 && id < lengths.count && lengths[Int(id)] >= 0 }

    subscript(id: Int32) -> ArraySlice<UInt8> {
        let start = Int(starts[Int(id)])
        return block[start..<start + max(0, Int(lengths[Int(id)]))]
    }

    mutating func insert(_ bytes: some Collection<UInt8>, at id: Int32) {
        while lengths.count <= id {
            lengths.append(-1)
            starts.append(0)
        }
        starts[Int(id)] = UInt32(block.count)
        lengths[Int(id)] = Int32(bytes.count)
        block += bytes
    }

    @inline(__always)
    fileprivate func equals(_ id: Int32, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Int(lengths[Int(id)]) == bytes.count else { return false }
        let start = Int(starts[Int(id)])
        return block.withUnsafeBufferPointer { block in
            for place in 0..<bytes.count where block[start &+ place] != bytes[place] { return false }
            return true
        }
    }
}

/// From byte strings to token ids.
struct TokenTable: @unchecked Sendable {
    private(set) var bytes = TokenBytes()
    private let buffer: FixedBuffer<UInt64>
    private let slots: UnsafeMutablePointer<UInt64>
    private let mask: Int
    private(set) var longest = 0

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        mask = size - 1
        buffer = FixedBuffer(repeating: FlatTable.absent, count: size)
        slots = buffer.start
    }

    /// Eight bytes at a time, each mixed by a multiplication.
    @inline(__always)
    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
        var place = 0
        let raw = UnsafeRawBufferPointer(bytes)
        while place &+ 8 <= bytes.count {
            hash = (hash ^ raw.loadUnaligned(fromByteOffset: place, as: UInt64.self)) &* 0xFF51_AFD7_ED55_8CCD
            hash ^= hash >> 32
            place &+= 8
        }
        var tail: UInt64 = 0
        while place < bytes.count {
            tail = tail << 8 | UInt64(bytes[place])
            place &+= 1
        }
        hash = (hash ^ tail) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ hash >> 29
    }

    /// The id of a byte string, or −1.
    @inline(__always)
    func id(of wanted: UnsafeBufferPointer<UInt8>) -> Int32 {
        guard wanted.count <= longest else { return -1 }
        let hash = TokenTable.hash(wanted)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let found = slots[slot]
            if found == FlatTable.absent { return -1 }
            let id = Int32(truncatingIfNeeded: found & 0xFFFF_FFFF)
            if found >> 32 == hash >> 32, bytes.equals(id, wanted) { return id }
            slot = (slot &+ 1) & mask
        }
    }

    func id(of wanted: some Collection<UInt8>) -> Int32 { Array(wanted).withUnsafeBufferPointer { id(of: $0) } }

    /// Adds a string that is not in the table yet.
    mutating func insert(_ string: [UInt8], id: Int32) {
        bytes.insert(string, at: id)
        longest = max(longest, string.count)
        let hash = string.withUnsafeBufferPointer { TokenTable.hash($0) }
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != FlatTable.absent { slot = (slot + 1) & mask }
        slots[slot] = (hash & ~0xFFFF_FFFF) | UInt64(UInt32(bitPattern: id))
    }
}

// MARK: - Vocabularies of files

extension TokenTable {
    /// Reads an object of token to id.
    init(vocabulary field: FileField) throws(TokenizerError) {
        let members = try field.object().members
        self.init(capacity: members.count)
        for (name, value) in members {
            let id = try FileField(file: field.file, key: "\(field.key).\(name)", value: value).tokenID()
            guard !bytes.contains(id) else {
                let other = String(decoding: bytes[id], as: UTF8.self)
                throw field.inconsistent("gives the id \(id) to both \"\(other)\" and \"\(name)\"; ids must be unique")
            }
            insert(Array(name.utf8), id: id)
        }
    }

    /// The id of the token that a field names.
    func knownToken(_ field: FileField) throws(TokenizerError) -> Int32 {
        let token = try field.string()
        let id = id(of: token.utf8)
        guard id >= 0 else { throw field.inconsistent("is \"\(token)\", which is not in the vocabulary") }
        return id
    }

    /// Ids of the tokens `<0x00>` to `<0xFF>`, −1 where there is none; empty if there are none at all.
    var fallbackIDs: [Int32] {
        let ids = (0...255).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return id(of: "<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)
        }
        return ids.contains { $0 >= 0 } ? ids : []
    }
}
