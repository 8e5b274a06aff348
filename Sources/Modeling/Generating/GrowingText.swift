import Kernels

/// A text that grows by turns: its keys and values are kept, so that only the tokens that are new are computed.
///
/// Every token is the one that `Generator` draws after the same text.
package final class GrowingText {
    /// Tokens that there is room for.
    package let capacity: Int
    /// Rows that went through the model so far.
    package private(set) var computedRows = 0

    private let model: Transformer
    private let space: Workspace
    private let cache: KeyValueCache
    private let pages: [Int32]
    /// The tokens whose keys and values are kept, and by which frequencies the keys were rotated.
    private var kept: [Int32] = []
    private var frequencySet = 0

    /// Rows that go through the model together.
    private static let rowsAtOnce = 512

    /// - Parameter capacity: tokens of the longest text, no more than the model has positions for.
    /// - Throws: `MemoryError`. Keys and values take memory of the machine as the text grows.
    package init(_ model: Transformer, capacity: Int) throws(MemoryError) {
        (self.model, self.capacity) = (model, capacity)
        let a = model.architecture
        var extent = BatchExtent()
        extent.rows = min(capacity, GrowingText.rowsAtOnce)
        (extent.outputRows, extent.scoredRows, extent.keys) = (extent.rows, 1, capacity)
        space = try Workspace(a, low: model.lowRank, extent: extent, purpose: .scoring, on: model.pool)
        let count = KeyValuePages.count(rows: capacity)
        cache = try KeyValueCache(a, pages: count)
        pages = (0..<Int32(count)).map { $0 }
    }

    /// Draws the token that comes after a text of one token at least and `capacity` at most.
    ///
    /// - Parameter excluded: tokens that can't be drawn.
    package func next(
        after tokens: [Int32], _ sampling: Sampling, using random: inout some RandomNumberGenerator,
        excluding excluded: Set<Int32> = []
    ) -> Int32 {
        let hidden = read(tokens)
        var token: Int32 = 0
        model.head.logits(of: hidden, space: space.buffers.head) { _, logits in
            let row = logits.row(0)
            for id in excluded { row[Int(id)] = -.infinity }
            token = sampling.choose(UnsafeBufferPointer(start: row, count: logits.columns), using: &random)
        }
        return token
    }

    /// Reads what the text adds to the one that is kept; returns the last token's hidden row.
    private func read(_ tokens: [Int32]) -> Matrix {
        let set = model.architecture.rotary?.frequencySet(length: tokens.count) ?? 0
        if set != frequencySet { kept = [] }
        // The last row is wanted, so that one is computed in any case.
        let shared = min(zip(tokens, kept).prefix { $0 == $1 }.count, tokens.count - 1)
        frequencySet = set
        kept = tokens
        var last = Matrix(space.buffers.streams[0], rows: 0, columns: 0)
        for start in stride(from: shared, to: tokens.count, by: space.extent.rows) {
            let rows = start..<min(tokens.count, start + space.extent.rows)
            let hidden = read(rows, of: tokens)
            computedRows += rows.count
            last = hidden.rows(hidden.rows - 1..<hidden.rows)
        }
        return last
    }

    private func read(_ rows: Range<Int>, of tokens: [Int32]) -> Matrix {
        let places = rows.enumerated().map { KeyValuePages.Place(source: $0, row: $1, of: pages) }
        let begins = rows.lowerBound == 0
        if begins, (model.architecture.rotary?.frequencySet(length: rows.count) ?? 0) == frequencySet {
            let batch = PackedBatch([PackedSequence(prompt: tokens[rows], responses: [])], for: model.architecture)
            return model.forward(batch, in: space, cached: CachedRows(cache: cache, places: places, readers: []))
        }
        let readers = rows.enumerated().map { number, row in
            PagedAttention.Reader(
                query: number, prompt: .init(pages: [], rows: 0), own: .init(pages: pages, rows: row + 1))
        }
        let batch = PackedBatch(
            continuing: rows.map { (tokens[$0], position: $0, frequencySet: frequencySet) })
        return model.forward(batch, in: space, cached: CachedRows(cache: cache, places: places, readers: readers))
    }
}
