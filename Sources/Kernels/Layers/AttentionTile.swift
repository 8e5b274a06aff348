import CKernels

/// A block of a span's query rows and the key rows that any of them sees, numbered from 0: the *columns* of its scores.
struct AttentionTile {
    /// The query rows of a tile.
    static let rows = 96
    /// Key rows whose shares are added up in one chain. Chains begin at multiples of it from the sequence's first token, so
    /// that a row's sums have the same bits in every tile.
    static let longestPart = 384

    let queries: Range<Int>
    /// The key rows in two runs.
    private let prefix: Range<Int>
    private let own: Range<Int>
    /// The end of the columns that the first row sees; each later row sees one more.
    private let firstEnd: Int
    private let window: Int?

    static func count(of span: Attention.Span) -> Int { (span.queries.count + rows - 1) / rows }

    init(of span: Attention.Span, number: Int, window: Int?) {
        let start = span.queries.lowerBound + number * AttentionTile.rows
        queries = start..<min(start + AttentionTile.rows, span.queries.upperBound)
        let hidden = span.queries.upperBound - queries.upperBound
        let lastKey = span.own.upperBound - hidden
        // Keys before the first row's window are seen by none.
        let end = span.prefix.count + lastKey - span.own.lowerBound - queries.count + 1
        let skipped = window.map { max(0, end - $0) / AttentionTile.longestPart * AttentionTile.longestPart } ?? 0
        prefix = span.prefix.dropFirst(skipped)
        own = span.own.lowerBound + max(0, skipped - span.prefix.count)..<lastKey
        firstEnd = end - skipped
        self.window = window
    }

    var keys: Int { prefix.count + own.count }

    /// The columns that the tile's row `row` sees.
    func visible(_ row: Int) -> Range<Int> {
        let end = firstEnd + row
        return (window.map { max(0, end - $0) } ?? 0)..<end
    }

    /// Calls `body` for the key rows, in one or two runs, with the column where each begins.
    @inline(__always)
    func eachRun(_ body: (_ keys: Range<Int>, _ column: Int) -> Void) {
        if !prefix.isEmpty { body(prefix, 0) }
        body(own, prefix.count)
    }

    /// Calls `body` for the columns, cut where chains of sums are.
    @inline(__always)
    func eachPart(_ body: (_ part: Int, _ columns: Range<Int>) -> Void) {
        for (part, start) in stride(from: 0, to: keys, by: AttentionTile.longestPart).enumerated() {
            body(part, start..<min(keys, start + AttentionTile.longestPart))
        }
    }

    /// Packs one head of k (or v) with a line for every key row.
    func packLines(
        _ x: Matrix, head: Int, _ width: Int, into target: UnsafeMutablePointer<Float>, _ product: prefopt_product
    ) {
        let panels = Panels(target, depth: width, side: prefopt_side_b, product)
        eachRun { rows, column in
            panels.pack(
                Operand(rowsOf: x.columns(head * width..<(head + 1) * width)).from(line: rows.lowerBound),
                lines: rows.count, at: column)
        }
        panels.clear(from: keys)
    }

    /// Packs one head of v (or k) with a depth for every key row, part by part.
    func packDepths(
        _ x: Matrix, head: Int, _ width: Int, into space: AttentionScratch, _ product: prefopt_product
    ) {
        eachPart { part, columns in
            let panels = Panels(space.depths(part), depth: columns.count, side: prefopt_side_b, product)
            eachRun { rows, column in
                let here = columns.clamped(to: column..<column + rows.count)
                if here.isEmpty { return }
                panels.pack(
                    Operand(columnsOf: x.columns(head * width..<(head + 1) * width))
                        .from(line: 0, depth: rows.lowerBound + here.lowerBound - column),
                    lines: width,
                    depths: here.lowerBound - columns.lowerBound..<here.upperBound - columns.lowerBound)
            }
        }
    }
}
