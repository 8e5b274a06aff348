import Kernels
import Testing

/// Attention over pages against attention over a packed batch: every bit of the last query's row.
@Suite struct PagedAttentionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var heads = 2
        var keyHeads = 1
        var width = 8
        var prompt: Int
        var own: Int
        var cap: Float?
        var window: Int?

        var testDescription: String {
            let limits = (window.map { ", window \($0)" } ?? "") + (cap == nil ? "" : ", capped")
            return "\(prompt) + \(own) keys, \(heads)/\(keyHeads) heads of \(width)\(limits)"
        }
    }

    @Test(
        "a row has the bits that a packed batch gives it, wherever its keys lie",
        arguments: [
            Case(prompt: 0, own: 1), Case(prompt: 32, own: 1),
            Case(heads: 3, keyHeads: 3, width: 7, prompt: 5, own: 40),
            Case(heads: 9, keyHeads: 3, width: 64, prompt: 117, own: 64), Case(width: 40, prompt: 380, own: 30),
            Case(heads: 4, keyHeads: 2, width: 16, prompt: 500, own: 500, cap: 1.5, window: 301),
            Case(heads: 5, width: 33, prompt: 700, own: 100, window: 90),
            Case(heads: 2, keyHeads: 2, width: 256, prompt: 3, own: 3), Case(prompt: 384, own: 384),
            Case(prompt: 800, own: 1, window: 800), Case(prompt: 400, own: 1, window: 1),
        ])
    func bits(test: Case) {
        var random = Random(UInt64(test.prompt + test.own))
        let pool = ThreadPool(count: 2)
        let (count, side) = (test.prompt + test.own, test.keyHeads * test.width)
        let keyValue = Grid(count, 2 * side, &random, scale: 2)
        let (k, v) = (keyValue.matrix.columns(0..<side), keyValue.matrix.columns(side..<2 * side))
        let q = Grid(1, test.heads * test.width, &random, scale: 2)
        let (packed, paged, normalizers) = (Grid(1, q.columns), Grid(1, q.columns), Grid(1, test.heads))

        let packedCount = Attention.scratchCount(keys: count, width: test.width)
        let pagedCount = PagedAttention.scratchCount(
            keys: count, heads: test.heads, keyHeads: test.keyHeads, width: test.width)
        let scratch = (0..<pool.count).map { _ in Grid(1, max(packedCount, pagedCount)) }
        Attention(
            heads: test.heads, keyHeads: test.keyHeads, width: test.width, scale: 0.375, cap: test.cap,
            window: test.window, scratch: scratch.map(\.pointer), keys: count
        ).forward(
            q.matrix, k, v, spans: [.init(queries: 0..<1, prefix: 0..<0, own: 0..<count)], into: packed.matrix,
            normalizers: normalizers.pointer, on: pool)

        // Pages in no order, some of them nobody's, full of what must not be read.
        let promptPages = KeyValuePages.count(rows: test.prompt)
        let pageCount = promptPages + KeyValuePages.count(rows: test.own)
        let numbers = (0..<pageCount).map { (page: Int) -> Int32 in
            let group = page / 11
            return Int32(page * 7 % 11 + group * 11)
        }
        let floats = KeyValuePages.floats(keyHeads: test.keyHeads, width: test.width)
        let memory = Grid(1, floats * 11 * (pageCount / 11 + 1), &random)
        let pages = KeyValuePages(memory.pointer, keyHeads: test.keyHeads, width: test.width)
        let prompt = PagedAttention.Run(pages: Array(numbers[..<promptPages]), rows: test.prompt)
        let own = PagedAttention.Run(pages: Array(numbers[promptPages...]), rows: test.own)
        let places = (0..<count).map { (row: Int) -> KeyValuePages.Place in
            row < test.prompt
                ? KeyValuePages.Place(source: row, row: row, of: prompt.pages)
                : KeyValuePages.Place(source: row, row: row - test.prompt, of: own.pages)
        }
        pages.keep(k, v, at: places, on: pool)
        let attention = PagedAttention(
            pages, heads: test.heads, scale: 0.375, cap: test.cap, window: test.window, scratch: scratch.map(\.pointer))
        attention.forward(
            q.matrix, [PagedAttention.Reader(query: 0, prompt: prompt, own: own)], into: paged.matrix, on: pool)
        for column in 0..<q.columns { #expect(packed[0, column].bitPattern == paged[0, column].bitPattern) }
        for buffer in scratch + [memory, paged, normalizers] { #expect(buffer.fenceHolds) }
    }
}
