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
    /// How many columns the first row sees past its end, …
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

    /// The key rows in one or two runs, and the column where each begins.
    var parts: [(keys: Range<Int>, column: Int)] {
        prefix.isEmpty ? [(own, 0)] : [(prefix, 0), (own, prefix.count)]
    }

    /// The columns, cut where chains of sums are.
    var depthParts: [Range<Int>] {
        stride(from: 0, to: keys, by: AttentionTile.longestPart).map {
            $0..<min(keys, $0 + AttentionTile.longestPart)
        }
    }

    /// Packs one head of k (or v) with a line for every key row.
    func packLines(_ x: Matrix, head: Int, _ width: Int, into target: UnsafeMutablePointer<Float>) {
        let panels = Panels(target, depth: width, width: PanelProduct.columns)
        for (rows, column) in parts {
            panels.pack(
                Operand(rowsOf: x.columns(head * width..<(head + 1) * width)).from(line: rows.lowerBound),
                lines: rows.count, at: column)
        }
        panels.clear(from: keys)
    }

    /// Packs one head of v (or k) with a depth for every key row, part by part.
    func packDepths(_ x: Matrix, head: Int, _ width: Int, into target: UnsafeMutablePointer<Float>) {
        for (number, columns) in depthParts.enumerated() {
            let panels = Panels(
                target + number * AttentionScratch.depthPartCount(width: width), depth: columns.count,
                width: PanelProduct.columns)
            for (rows, column) in parts {
                let here = columns.clamped(to: column..<column + rows.count)
                if here.isEmpty { continue }
                panels.pack(
                    Operand(columnsOf: x.columns(head * width..<(head + 1) * width))
                        .from(line: 0, depth: rows.lowerBound + here.lowerBound - column),
                    lines: width, depths: here.lowerBound - columns.lowerBound..<here.upperBound - columns.lowerBound)
            }
        }
    }
}

/// What one thread needs for a tile, cut from its scratch buffer.
struct AttentionScratch {
    /// [rows, stride] each
    let probabilities: UnsafeMutablePointer<Float>
    let derivatives: UnsafeMutablePointer<Float>
    let keyLines: UnsafeMutablePointer<Float>
    let valueLines: UnsafeMutablePointer<Float>
    /// Rows of v or k, one part of the keys after the other.
    let depths: UnsafeMutablePointer<Float>
    let queries: UnsafeMutablePointer<Float>
    /// [rows]
    let shares: UnsafeMutablePointer<Float>
    /// Floats from one row of scores to the next.
    let stride: Int
    let count: Int
    private let width: Int

    init(_ base: UnsafeMutablePointer<Float>?, keys: Int, width: Int) {
        var cutter = base.map { Cutter($0) } ?? Cutter()
        // Rows a power of two apart would fall on each other in the caches.
        stride = AttentionScratch.padded(keys) + 16
        self.width = width
        let lines = Panels.count(lines: keys, depth: width, width: PanelProduct.columns)
        let parts = (keys + AttentionTile.longestPart - 1) / AttentionTile.longestPart
        probabilities = cutter.take(AttentionTile.rows * stride)
        derivatives = cutter.take(AttentionTile.rows * stride)
        keyLines = cutter.take(lines)
        valueLines = cutter.take(lines)
        depths = cutter.take(parts * AttentionScratch.depthPartCount(width: width))
        queries = cutter.take(Panels.count(lines: width, depth: AttentionTile.rows, width: PanelProduct.columns))
        shares = cutter.take(AttentionTile.rows)
        count = cutter.count
    }

    func depths(_ part: Int) -> UnsafeMutablePointer<Float> {
        depths + part * AttentionScratch.depthPartCount(width: width)
    }

    static func depthPartCount(width: Int) -> Int {
        Panels.count(lines: width, depth: AttentionTile.longestPart, width: PanelProduct.columns)
    }

    /// Whole panels of keys.
    static func padded(_ keys: Int) -> Int {
        (keys + PanelProduct.columns - 1) / PanelProduct.columns * PanelProduct.columns
    }
}
