/// Turns pieces of text into tokens by merging neighbours, lowest rank first and leftmost among equals. Its buffers are
/// kept between pieces, so that a text costs few allocations.
final class BytePairMerging {
    private let model: BytePairModel
    private var symbols: Symbols

    /// Up to here, looking at all pairs for each merge is faster than a heap.
    private static let shortPiece = 64

    init(_ model: BytePairModel) {
        self.model = model
        symbols = Symbols(capacity: 256)
    }

    /// Appends the tokens of one piece.
    func encode(_ piece: UnsafeBufferPointer<UInt8>, to tokens: inout PieceTokens) {
        let id = model.words.id(of: piece)
        if id >= 0, model.isWhole[Int(id)] {
            tokens.append(id, 0..<Int32(piece.count))
            return
        }
        let count = merge(piece)
        var place: Int32 = 0
        for index in 0..<count {
            let end = place + symbols.lengths[index]
            tokens.append(symbols.ids[index], place..<end)
            place = end
        }
    }

    /// Whether merging a token's own symbols gives that token.
    func isWhole(_ id: Int32, _ text: UnsafeBufferPointer<UInt8>) -> Bool { merge(text) == 1 && symbols.ids[0] == id }

    /// Leaves the tokens of a piece at the start of the symbols' buffers.
    /// - Returns: how many there are.
    private func merge(_ piece: UnsafeBufferPointer<UInt8>) -> Int {
        // A symbol is at least one byte.
        if piece.count > symbols.capacity { symbols = Symbols(capacity: piece.count) }
        var writer = SymbolWriter(model, symbols)
        if model.isByteLevel { writer.readBytes(piece) } else { writer.readScalars(piece) }
        if writer.count <= 1 { return writer.count }
        return writer.count <= BytePairMerging.shortPiece ? mergeShort(writer.count) : mergeLong(writer.count)
    }

    // MARK: - Merging

    private func mergeShort(_ symbolCount: Int) -> Int {
        let merges = model.merges
        let (ids, lengths, candidates) = (symbols.ids, symbols.lengths, symbols.candidates)
        var count = symbolCount
        // The merge of each symbol with the next one, `FlatTable.absent` where there is none.
        for place in 1..<count { candidates[place - 1] = merges[FlatTable.pair(ids[place - 1], ids[place])] }
        while count > 1 {
            var best = FlatTable.absent
            var place = 0
            // The rank is in the upper half, and equal ranks have equal ids, so the leftmost of the least is found.
            for index in 0..<count - 1 where candidates[index] < best {
                best = candidates[index]
                place = index
            }
            if best == FlatTable.absent { break }
            ids[place] = Int32(truncatingIfNeeded: best)
            lengths[place] += lengths[place + 1]
            count -= 1
            let moved = count - place - 1
            if moved > 0 {
                (ids + place + 1).update(from: ids + place + 2, count: moved)
                (lengths + place + 1).update(from: lengths + place + 2, count: moved)
                (candidates + place).update(from: candidates + place + 1, count: moved)
                candidates[place] = merges[FlatTable.pair(ids[place], ids[place + 1])]
            }
            if place > 0 { candidates[place - 1] = merges[FlatTable.pair(ids[place - 1], ids[place])] }
        }
        return count
    }

    /// O(n log n): a heap of merges over a doubly linked list of symbols. Entries that a merge made stale are noticed
    /// when they come up, since ranks are unique to a pair.
    private func mergeLong(_ symbolCount: Int) -> Int {
        let merges = model.merges
        let (ids, lengths) = (symbols.ids, symbols.lengths)
        let count = Int32(symbolCount)
        var previous = Array(-1..<count - 1)
        var next = Array(1...count)
        var heap = MinimumHeap()
        func entry(_ left: Int32, _ right: Int32) -> UInt64? {
            let found = merges[FlatTable.pair(ids[Int(left)], ids[Int(right)])]
            return found == FlatTable.absent ? nil : (found & ~0xFFFF_FFFF) | UInt64(left)
        }
        for place in 0..<count - 1 {
            if let entry = entry(place, place + 1) { heap.append(entry) }
        }
        heap.arrange()
        while let top = heap.popMinimum() {
            let place = Int32(truncatingIfNeeded: top & 0xFFFF_FFFF)
            guard lengths[Int(place)] > 0 else { continue }
            let right = next[Int(place)]
            guard right < count else { continue }
            let found = merges[FlatTable.pair(ids[Int(place)], ids[Int(right)])]
            guard found != FlatTable.absent, found >> 32 == top >> 32 else { continue }
            ids[Int(place)] = Int32(truncatingIfNeeded: found)
            lengths[Int(place)] += lengths[Int(right)]
            lengths[Int(right)] = 0
            let after = next[Int(right)]
            next[Int(place)] = after
            if after < count {
                previous[Int(after)] = place
                if let entry = entry(place, after) { heap.push(entry) }
            }
            if previous[Int(place)] >= 0, let entry = entry(previous[Int(place)], place) { heap.push(entry) }
        }
        var kept = 0
        for place in 0..<symbolCount where lengths[place] > 0 {
            ids[kept] = ids[place]
            lengths[kept] = lengths[place]
            kept += 1
        }
        return kept
    }
}

/// The symbols of a piece, in the end its tokens, and how many bytes each covers.
private final class Symbols {
    let capacity: Int
    let ids: UnsafeMutablePointer<Int32>
    let lengths: UnsafeMutablePointer<Int32>
    let candidates: UnsafeMutablePointer<UInt64>

    init(capacity: Int) {
        self.capacity = capacity
        ids = .allocate(capacity: capacity)
        lengths = .allocate(capacity: capacity)
        candidates = .allocate(capacity: capacity)
    }

    deinit {
        ids.deallocate()
        lengths.deallocate()
        candidates.deallocate()
    }
}

/// Writes the symbols of a piece before anything is merged.
private struct SymbolWriter {
    private let model: BytePairModel
    private let symbols: Symbols
    private(set) var count = 0
    /// Bytes of scalars outside the vocabulary, not yet written as the unknown token.
    private var unknown: Int32 = 0

    init(_ model: BytePairModel, _ symbols: Symbols) {
        self.model = model
        self.symbols = symbols
    }

    mutating func readBytes(_ piece: UnsafeBufferPointer<UInt8>) {
        for byte in piece {
            let id = model.byteIDs[Int(byte)]
            if id >= 0 {
                flush()
                append(id, 1)
            } else {
                extend(by: 1)
            }
        }
        flush()
    }

    mutating func readScalars(_ piece: UnsafeBufferPointer<UInt8>) {
        var place = 0
        while place < piece.count {
            let width = piece.scalar(at: place).width
            let scalar = UnsafeBufferPointer(rebasing: piece[place..<place + width])
            place += width
            let id = model.words.id(of: scalar)
            if id >= 0 {
                flush()
                append(id, Int32(width))
            } else if !model.fallbackIDs.isEmpty, scalar.allSatisfy({ model.fallbackIDs[Int($0)] >= 0 }) {
                // An unknown run that is still open comes out after these bytes; so it does in the library.
                for byte in scalar { append(model.fallbackIDs[Int(byte)], 1) }
            } else {
                extend(by: Int32(width))
            }
        }
        flush()
    }

    private mutating func flush() {
        if unknown > 0, let id = model.unknown { append(id, unknown) }
        unknown = 0
    }

    /// Without an unknown token, what is unknown is dropped.
    private mutating func extend(by length: Int32) {
        guard model.unknown != nil else { return }
        if !model.fusesUnknown { flush() }
        unknown += length
    }

    @inline(__always)
    private mutating func append(_ id: Int32, _ length: Int32) {
        symbols.ids[count] = id
        symbols.lengths[count] = length
        count += 1
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
