/// C [M, N] = A [M, K] B [K, N], or C += A B, on all threads of a pool.
///
/// The depth K is cut into equal parts, a function of K alone; each part adds one chain of multiply-adds to an element. All
/// other cuts only say who computes what when, so a row of C has the same bits whatever rows are beside it, on any number
/// of threads. The operand with fewer lines is packed once for all; the threads share out the other one's lines and pack
/// them as they come.
enum MatrixProduct {
    /// The longest part of K: a panel of B of that depth fills most of the first cache.
    private static let longestPart = 384
    /// Lines that are packed for all at a time.
    private static let sharedLines = 2016
    /// The least and the largest number of lines in one item of work: multiples of both panels' widths. Packing a line
    /// costs as much as about fifteen multiplications of it; the largest still fits the second cache.
    private static let (leastLines, mostLines) = (48, 192)

    /// The packed panels of a product: one set for all threads, and one for each.
    static let sharedPanelCount =
        Panels.count(lines: sharedLines, depth: longestPart, width: PanelProduct.rows)
    static let ownPanelCount = Panels.count(lines: mostLines, depth: longestPart, width: PanelProduct.rows)

    static func run(
        _ a: Operand, rows: Int, _ b: Operand, columns: Int, depth: Int, into c: Matrix, adding: Bool,
        on pool: ThreadPool
    ) {
        guard rows > 0, columns > 0 else { return }
        if depth == 0, !adding { return RowMoves.clear(c, on: pool) }
        let sharesRows = rows <= columns
        let (shared, own) = sharesRows ? (rows, columns) : (columns, rows)
        let longest = partLength(of: depth)
        for first in stride(from: 0, to: shared, by: sharedLines) {
            let block = first..<min(shared, first + sharedLines)
            for start in stride(from: 0, to: depth, by: longest) {
                let part = start..<min(depth, start + longest)
                if sharesRows {
                    pass(
                        a.from(line: first, depth: start), block, width: PanelProduct.rows,
                        b.from(line: 0, depth: start), own, ownWidth: PanelProduct.columns, depth: part.count, on: pool
                    ) { packed, sharedRange, strip, ownRange in
                        PanelProduct.run(
                            PanelProduct.Rows(packed), strip, height: sharedRange.count, width: ownRange.count,
                            into: c.row(first + sharedRange.lowerBound) + ownRange.lowerBound, stride: c.stride,
                            adding: adding || start > 0)
                    }
                } else {
                    pass(
                        b.from(line: first, depth: start), block, width: PanelProduct.columns,
                        a.from(line: 0, depth: start), own, ownWidth: PanelProduct.rows, depth: part.count, on: pool
                    ) { packed, sharedRange, strip, ownRange in
                        PanelProduct.run(
                            PanelProduct.Rows(strip), packed, height: ownRange.count, width: sharedRange.count,
                            into: c.row(ownRange.lowerBound) + first + sharedRange.lowerBound, stride: c.stride,
                            adding: adding || start > 0)
                    }
                }
            }
        }
    }

    /// Packs the shared operand's lines, then calls `body` for every tile with the packed lines of both sides.
    @inline(__always)
    private static func pass(
        _ shared: Operand, _ block: Range<Int>, width: Int, _ own: Operand, _ ownLines: Int, ownWidth: Int, depth: Int,
        on pool: ThreadPool, _ body: (Panels, Range<Int>, Panels, Range<Int>) -> Void
    ) {
        let packed = Panels(pool.sharedPanels, depth: depth, width: width)
        pool.chunks(of: block.count, size: leastLines) { packed.pack(shared, $0, of: block.count) }

        let strip = stripLength(of: ownLines, unit: ownWidth, threads: pool.count)
        let strips = (ownLines + strip - 1) / strip
        // Too few strips for the threads: each is computed in several groups of the shared lines.
        let group = strips >= pool.count ? block.count : groupLength(of: block.count, groups: pool.count / strips + 1)
        let groups = (block.count + group - 1) / group
        pool.run(strips * groups) { item, thread in
            let line = item / groups * strip
            let lines = line..<min(ownLines, line + strip)
            let start = item % groups * group
            let range = start..<min(block.count, start + group)
            let panels = Panels(pool.ownPanels(thread), depth: depth, width: ownWidth)
            panels.pack(own.from(line: line), 0..<lines.count, of: ownLines - line)
            body(Panels(packed.panel(at: start), depth: depth, width: width), range, panels, lines)
        }
    }

    /// Equal parts of the depth, of at most `longestPart`.
    private static func partLength(of depth: Int) -> Int {
        let parts = (depth + longestPart - 1) / longestPart
        return parts == 0 ? 1 : ((depth + parts - 1) / parts + 7) / 8 * 8
    }

    /// Several equal strips for every thread, so that a late one holds up little.
    private static func stripLength(of lines: Int, unit: Int, threads: Int) -> Int {
        let each = max(
            (lines + threads * mostLines - 1) / (threads * mostLines), min(3, lines / (threads * leastLines)))
        let strips = threads * max(1, each)
        return min(mostLines, ((lines + strips - 1) / strips + unit - 1) / unit * unit)
    }

    private static func groupLength(of lines: Int, groups: Int) -> Int {
        max(leastLines, ((lines + groups - 1) / groups + leastLines - 1) / leastLines * leastLines)
    }
}
