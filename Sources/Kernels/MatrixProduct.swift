/// C [M, N] = A [M, K] B [K, N], or C += A B, on all threads of a pool.
///
/// The depth K is cut into equal parts, a function of K alone; each part adds one chain of multiply-adds to an element. All
/// other cuts only say who computes what when, so a row of C has the same bits whatever rows are beside it, on any number
/// of threads. The operand with fewer lines is packed once for all; the threads share out the other one's lines and pack
/// them as they come.
enum MatrixProduct {
    /// The longest part of K: a panel of B and one of A of that depth fill most of the first cache.
    static let longestPart = 320
    /// Lines that are packed for all at a time, …
    private static let sharedLines = 2016
    /// … of as many parts of the depth as this many floats hold: few and long regions lose least to waiting.
    private static let sharedFloats = 1 << 20
    /// The least and the largest number of lines in one item of work: multiples of both panels' widths. Packing a line
    /// costs as much as about fifteen multiplications of it; the largest still fits the second cache.
    private static let leastLines = 3 * PanelProduct.columns
    static let mostLines = 192

    /// With at most so many columns, packing a row of A would cost more than it saves.
    private static let fewColumns = 2 * PanelProduct.columns

    /// Floats of the packed panels: one set for all threads, and one for each.
    static let sharedPanelCount =
        max(sharedFloats, Panels.count(lines: sharedLines, depth: longestPart, width: PanelProduct.rows))
    static let ownPanelCount = Panels.count(lines: mostLines, depth: longestPart, width: PanelProduct.rows)

    static func run(
        _ a: some ProductSide, rows: Int, _ b: some ProductSide, columns: Int, depth: Int, into c: Matrix, adding: Bool,
        on pool: ThreadPool
    ) {
        guard rows > 0, columns > 0 else { return }
        if depth == 0, !adding { return RowMoves.clear(c, on: pool) }
        if columns <= fewColumns, rows > columns, let a = a as? Operand {
            return runFewColumns(a, rows: rows, b, columns: columns, depth: depth, into: c, adding: adding, on: pool)
        }
        if rows <= columns {
            eachTile(
                shared: a, rows, width: PanelProduct.rows, own: b, columns, ownWidth: PanelProduct.columns,
                depth: depth, on: pool
            ) { shared, rows, own, columns, start in
                PanelProduct.run(
                    PanelProduct.Rows(shared), own, height: rows.count, width: columns.count,
                    into: c.row(rows.lowerBound) + columns.lowerBound, stride: c.stride, adding: adding || start > 0)
            }
        } else {
            eachTile(
                shared: b, columns, width: PanelProduct.columns, own: a, rows, ownWidth: PanelProduct.rows,
                depth: depth, on: pool
            ) { shared, columns, own, rows, start in
                PanelProduct.run(
                    PanelProduct.Rows(own), shared, height: rows.count, width: columns.count,
                    into: c.row(rows.lowerBound) + columns.lowerBound, stride: c.stride, adding: adding || start > 0)
            }
        }
    }

    /// A tall and narrow result, as adapters have them: B is packed for all, A is read where it lies.
    private static func runFewColumns(
        _ a: Operand, rows: Int, _ b: some ProductSide, columns: Int, depth: Int, into c: Matrix, adding: Bool,
        on pool: ThreadPool
    ) {
        let length = partLength(of: depth)
        let partFloats = Panels.count(lines: columns, depth: length, width: PanelProduct.columns)
        let partsAtOnce = max(1, sharedPanelCount / partFloats)
        for first in stride(from: 0, to: depth, by: length * partsAtOnce) {
            let parts = min(partsAtOnce, (depth - first + length - 1) / length)
            func panels(_ part: Int) -> Panels {
                Panels(
                    pool.sharedPanels + part * partFloats, depth: min(length, depth - first - part * length),
                    width: PanelProduct.columns)
            }
            pool.run(parts) { part, thread in
                b.pack(
                    0..<columns, of: columns, first: 0, depth: first + part * length, into: panels(part),
                    scratch: pool.scratch(thread))
            }
            pool.chunks(of: rows, size: leastLines) { lines in
                for part in 0..<parts {
                    let (packed, start) = (panels(part), first + part * length)
                    PanelProduct.run(
                        PanelProduct.Rows(a.from(line: lines.lowerBound, depth: start), depth: packed.depth), packed,
                        height: lines.count, width: columns, into: c.row(lines.lowerBound), stride: c.stride,
                        adding: adding || start > 0)
                }
            }
        }
    }

    /// Calls `body` for every tile of the result and every part of the depth, in the order of the parts, with the packed
    /// lines of both sides and where they and the part begin.
    @inline(__always)
    private static func eachTile(
        shared: some ProductSide, _ sharedCount: Int, width: Int, own: some ProductSide, _ ownCount: Int, ownWidth: Int,
        depth: Int,
        on pool: ThreadPool, _ body: (Panels, Range<Int>, Panels, Range<Int>, _ start: Int) -> Void
    ) {
        let length = partLength(of: depth)
        let strip = stripLength(of: ownCount, unit: ownWidth, threads: pool.count)
        let strips = (ownCount + strip - 1) / strip
        for first in stride(from: 0, to: sharedCount, by: sharedLines) {
            let lines = min(sharedLines, sharedCount - first)
            let partFloats = Panels.count(lines: lines, depth: length, width: width)
            let partsAtOnce = max(1, sharedPanelCount / partFloats)
            // Too few strips for the threads: each is computed in several groups of the shared lines.
            let group = strips >= pool.count ? lines : groupLength(of: lines, groups: pool.count / strips + 1)
            let groups = (lines + group - 1) / group
            let pieces = (lines + leastLines - 1) / leastLines
            for start in stride(from: 0, to: depth, by: length * partsAtOnce) {
                let parts = min(partsAtOnce, (depth - start + length - 1) / length)
                func panels(_ part: Int) -> Panels {
                    Panels(
                        pool.sharedPanels + part * partFloats, depth: min(length, depth - start - part * length),
                        width: width)
                }
                pool.run(parts * pieces) { item, thread in
                    let line = item % pieces * leastLines
                    shared.pack(
                        line..<min(lines, line + leastLines), of: lines, first: first,
                        depth: start + item / pieces * length, into: panels(item / pieces),
                        scratch: pool.scratch(thread))
                }
                pool.run(strips * groups) { item, thread in
                    let line = item / groups * strip
                    let ownLines = line..<min(ownCount, line + strip)
                    let sharedStart = item % groups * group
                    let sharedEnd = min(lines, sharedStart + group)
                    for part in 0..<parts {
                        let packed = panels(part)
                        let depthStart = start + part * length
                        let strip = Panels(pool.ownPanels(thread), depth: packed.depth, width: ownWidth)
                        own.pack(
                            0..<ownLines.count, of: ownCount - line, first: line, depth: depthStart, into: strip,
                            scratch: pool.scratch(thread))
                        body(
                            Panels(packed.panel(at: sharedStart), depth: packed.depth, width: width),
                            first + sharedStart..<first + sharedEnd, strip, ownLines, depthStart)
                    }
                }
            }
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
