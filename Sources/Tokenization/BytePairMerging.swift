/// Turns pieces of text into tokens by merging neighbours, lowest rank first and leftmost among equals. It keeps its
/// arrays between pieces, so that a text costs few allocations.
struct BytePairMerging {
    private let model: BytePairModel
    /// The tokens of the piece merged last, and how many bytes each covers.
    private(set) var ids: [Int32] = []
    private(set) var lengths: [Int32] = []

    // Of a short piece: the merge of each token with the next one. Of a long one: the links between symbols.
    private var candidates: [UInt64] = []
    private var previous: [Int32] = []
    private var next: [Int32] = []
    private var heap = MinimumHeap()

    /// Up to here, looking at all pairs for each merge is faster than a heap.
    private static let shortPiece = 64

    init(_ model: BytePairModel) { self.model = model }

    /// Appends the tokens of one piece of a text.
    mutating func encode(_ text: AlignedText, _ piece: Range<Int>, to encoding: inout Encoding) {
        text.bytes.withUnsafeBufferPointer { bytes in
            if model.ignoresMerges {
                let id = model.words.id(of: UnsafeBufferPointer(rebasing: bytes[piece]))
                if id >= 0 {
                    encoding.append(id, text.origin(of: piece))
                    return
                }
            }
            guard model.cutsBeforeMetaspace else {
                encodePart(text, bytes, piece, to: &encoding)
                return
            }
            var start = piece.lowerBound
            while start < piece.upperBound {
                let end = BytePairMerging.nextCut(bytes, after: start, before: piece.upperBound)
                encodePart(text, bytes, start..<end, to: &encoding)
                start = end
            }
        }
    }

    /// The next "▁" that doesn't follow another one.
    private static func nextCut(_ bytes: UnsafeBufferPointer<UInt8>, after start: Int, before end: Int) -> Int {
        func isMetaspace(_ place: Int) -> Bool {
            place + 3 <= end && bytes[place] == 0xE2 && bytes[place + 1] == 0x96 && bytes[place + 2] == 0x81
        }
        var place = start
        while isMetaspace(place) { place += 3 }
        if place == start { place += 1 }
        while place < end, !isMetaspace(place) { place += 1 }
        return place
    }

    @inline(__always)
    private mutating func encodePart(
        _ text: AlignedText, _ bytes: UnsafeBufferPointer<UInt8>, _ part: Range<Int>, to encoding: inout Encoding
    ) {
        let piece = UnsafeBufferPointer(rebasing: bytes[part])
        let id = model.words.id(of: piece)
        if id >= 0, model.isWhole[Int(id)] {
            encoding.append(id, text.origin(of: part))
            return
        }
        merge(piece)
        var place = part.lowerBound
        for (id, length) in zip(ids, lengths) {
            encoding.append(id, text.origin(of: place..<place + Int(length)))
            place += Int(length)
        }
    }

    /// Leaves the tokens of a piece in `ids` and `lengths`.
    mutating func merge(_ piece: UnsafeBufferPointer<UInt8>) {
        ids.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        if model.isByteLevel { readBytes(piece) } else { readScalars(piece) }
        if ids.count <= 1 { return }
        if ids.count <= BytePairMerging.shortPiece { mergeShort() } else { mergeLong() }
    }

    // MARK: - Symbols

    private mutating func readBytes(_ piece: UnsafeBufferPointer<UInt8>) {
        var unknown = UnknownRun()
        for byte in piece {
            let id = model.byteIDs[Int(byte)]
            if id >= 0 {
                flush(&unknown)
                append(id, 1)
            } else {
                extend(&unknown, by: 1)
            }
        }
        flush(&unknown)
    }

    private mutating func readScalars(_ piece: UnsafeBufferPointer<UInt8>) {
        var unknown = UnknownRun()
        var place = 0
        while place < piece.count {
            let width = piece.scalar(at: place).width
            let scalar = UnsafeBufferPointer(rebasing: piece[place..<place + width])
            place += width
            let id = model.words.id(of: scalar)
            if id >= 0 {
                flush(&unknown)
                append(id, Int32(width))
            } else if !model.fallbackIDs.isEmpty, scalar.allSatisfy({ model.fallbackIDs[Int($0)] >= 0 }) {
                // An unknown run that is still open comes out after these bytes; so it does in the library.
                for byte in scalar { append(model.fallbackIDs[Int(byte)], 1) }
            } else {
                extend(&unknown, by: Int32(width))
            }
        }
        flush(&unknown)
    }

    /// Scalars outside the vocabulary, not yet written as the unknown token.
    private struct UnknownRun {
        var length: Int32 = 0
    }

    private mutating func flush(_ run: inout UnknownRun) {
        if run.length > 0, let id = model.unknown { append(id, run.length) }
        run.length = 0
    }

    /// Without an unknown token, what is unknown is dropped.
    private mutating func extend(_ run: inout UnknownRun, by length: Int32) {
        guard model.unknown != nil else { return }
        if !model.fusesUnknown { flush(&run) }
        run.length += length
    }

    private mutating func append(_ id: Int32, _ length: Int32) {
        ids.append(id)
        lengths.append(length)
    }

    // MARK: - Merging

    @inline(__always)
    private func merge(of left: Int32, _ right: Int32) -> UInt64 {
        model.merges[FlatTable.pair(left, right)]
    }

    private mutating func mergeShort() {
        var count = ids.count
        candidates.removeAll(keepingCapacity: true)
        for place in 1..<count { candidates.append(merge(of: ids[place - 1], ids[place])) }
        ids.withUnsafeMutableBufferPointer { ids in
            lengths.withUnsafeMutableBufferPointer { lengths in
                candidates.withUnsafeMutableBufferPointer { candidates in
                    BytePairMerging.mergeShort(model.merges, ids, lengths, candidates, &count)
                }
            }
        }
        ids.removeLast(ids.count - count)
        lengths.removeLast(lengths.count - count)
    }

    /// - Parameter candidates: the merge of each token with the next one, `FlatTable.absent` where there is none.
    /// - Parameter count: the number of tokens, before and after.
    private static func mergeShort(
        _ merges: FlatTable, _ ids: UnsafeMutableBufferPointer<Int32>, _ lengths: UnsafeMutableBufferPointer<Int32>,
        _ candidates: UnsafeMutableBufferPointer<UInt64>, _ count: inout Int
    ) {
        while true {
            var best = FlatTable.absent
            var place = 0
            // The rank is in the upper half, and equal ranks have equal ids, so the leftmost of the least is found.
            for index in 0..<count - 1 where candidates[index] < best {
                best = candidates[index]
                place = index
            }
            guard best != FlatTable.absent else { return }
            ids[place] = Int32(truncatingIfNeeded: best)
            lengths[place] += lengths[place + 1]
            count -= 1
            for index in place + 1..<max(place + 1, count) {
                ids[index] = ids[index + 1]
                lengths[index] = lengths[index + 1]
                candidates[index - 1] = candidates[index]
            }
            if place > 0 { candidates[place - 1] = merges[FlatTable.pair(ids[place - 1], ids[place])] }
            if place + 1 < count { candidates[place] = merges[FlatTable.pair(ids[place], ids[place + 1])] }
        }
    }

    /// O(n log n): a heap of merges over a doubly linked list of symbols. Entries that a merge made stale are noticed
    /// when they come up, since ranks are unique to a pair.
    private mutating func mergeLong() {
        let count = Int32(ids.count)
        previous = Array(-1..<count - 1)
        next = Array(1...count)
        heap.removeAll()
        for place in 0..<count - 1 { offer(place, place + 1) }
        heap.arrange()
        while let entry = heap.popMinimum() {
            let place = Int32(truncatingIfNeeded: entry & 0xFFFF_FFFF)
            guard lengths[Int(place)] > 0 else { continue }
            let right = next[Int(place)]
            guard right < count else { continue }
            let found = merge(of: ids[Int(place)], ids[Int(right)])
            guard found != FlatTable.absent, found >> 32 == entry >> 32 else { continue }
            ids[Int(place)] = Int32(truncatingIfNeeded: found)
            lengths[Int(place)] += lengths[Int(right)]
            lengths[Int(right)] = 0
            let after = next[Int(right)]
            next[Int(place)] = after
            if after < count {
                previous[Int(after)] = place
                offer(place, after, sifting: true)
            }
            if previous[Int(place)] >= 0 { offer(previous[Int(place)], place, sifting: true) }
        }
        var kept = 0
        for place in ids.indices where lengths[place] > 0 {
            ids[kept] = ids[place]
            lengths[kept] = lengths[place]
            kept += 1
        }
        ids.removeLast(ids.count - kept)
        lengths.removeLast(lengths.count - kept)
    }

    private mutating func offer(_ left: Int32, _ right: Int32, sifting: Bool = false) {
        let found = merge(of: ids[Int(left)], ids[Int(right)])
        guard found != FlatTable.absent else { return }
        let entry = (found & ~0xFFFF_FFFF) | UInt64(left)
        if sifting { heap.push(entry) } else { heap.append(entry) }
    }
}

/// A binary heap of numbers, the smallest on top.
private struct MinimumHeap {
    private var entries: [UInt64] = []

    mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

    /// Adds a number without keeping the order; `arrange` restores it.
    mutating func append(_ entry: UInt64) { entries.append(entry) }

    mutating func arrange() {
        for index in stride(from: entries.count / 2 - 1, through: 0, by: -1) { sink(index) }
    }

    mutating func push(_ entry: UInt64) {
        entries.append(entry)
        var index = entries.count - 1
        while index > 0, entries[(index - 1) / 2] > entries[index] {
            entries.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func popMinimum() -> UInt64? {
        guard let top = entries.first, let last = entries.popLast() else { return nil }
        if !entries.isEmpty {
            entries[0] = last
            sink(0)
        }
        return top
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < entries.count && entries[child] < entries[least] {
                least = child
            }
            if least == index { return }
            entries.swapAt(index, least)
            index = least
        }
    }
}
