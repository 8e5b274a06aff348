/// The token ids of a whole set, one after the other: 16 bits each where the vocabulary allows, else 32, once they are packed;
/// in memory of this value's own or in some that several processes share.
package struct TokenIDs: Sendable, Equatable {
    /// The ids until they are packed: what is read of a file grows as 32-bit words.
    private var growing: [Int32] = []
    private var packed: PackedIDs?

    init() {}

    package var count: Int { packed?.count ?? growing.count }

    /// Bytes that they take, or would take packed.
    package var packedBytes: Int { packed.map { $0.count * $0.width } ?? growing.count * TokenIDs.width(of: growing) }

    /// Whether they lie in memory that was given for them.
    package var isShared: Bool { packed?.isShared ?? false }

    package subscript(place: Int) -> Int32 { packed?[place] ?? growing[place] }

    package subscript(range: Range<Int>) -> ArraySlice<Int32> {
        guard let packed else { return growing[range] }
        return Array(unsafeUninitializedCapacity: range.count) { buffer, count in
            for (place, source) in range.enumerated() { buffer[place] = packed[source] }
            count = range.count
        }[...]
    }

    package subscript(range: Slice<Range<Int>>) -> ArraySlice<Int32> { self[range.startIndex..<range.endIndex] }

    mutating func append(contentsOf ids: [Int32]) { growing += ids }

    mutating func append(contentsOf others: TokenIDs) { growing += others[0..<others.count] }

    /// Packs them.
    ///
    /// - Parameters:
    ///   - memory: of `packedBytes`, which must live as long as any copy of this value; nil: the value's own.
    ///   - writing: false where another process writes the same ids there.
    mutating func pack(into memory: UnsafeMutableRawPointer? = nil, writing: Bool = true) {
        guard packed == nil else { return }
        packed = PackedIDs(growing, width: TokenIDs.width(of: growing), memory: memory, writing: writing)
        growing = []
    }

    private static func width(of ids: [Int32]) -> Int { ids.allSatisfy { 0...0xFFFF ~= $0 } ? 2 : 4 }

    package static func == (a: TokenIDs, b: TokenIDs) -> Bool {
        a.count == b.count && (0..<a.count).allSatisfy { a[$0] == b[$0] }
    }
}

/// Written once, then only read.
private final class PackedIDs: @unchecked Sendable {
    let count: Int
    /// Bytes of an id.
    let width: Int
    let isShared: Bool
    private let base: UnsafeMutableRawPointer

    init(_ ids: [Int32], width: Int, memory: UnsafeMutableRawPointer?, writing: Bool) {
        count = ids.count
        self.width = width
        isShared = memory != nil
        base = memory ?? .allocate(byteCount: max(1, ids.count * width), alignment: 64)
        guard writing else { return }
        for (place, id) in ids.enumerated() {
            if width == 2 {
                base.storeBytes(of: UInt16(truncatingIfNeeded: id), toByteOffset: 2 * place, as: UInt16.self)
            } else {
                base.storeBytes(of: id, toByteOffset: 4 * place, as: Int32.self)
            }
        }
    }

    deinit { if !isShared { base.deallocate() } }

    subscript(place: Int) -> Int32 {
        precondition(place < count)
        return width == 2
            ? Int32(base.load(fromByteOffset: 2 * place, as: UInt16.self))
            : base.load(fromByteOffset: 4 * place, as: Int32.self)
    }
}
