/// C [M, N] = A [M, K] B [K, N], or C += A B, on all threads of a pool.
///
/// The depth K is cut into equal parts, a function of K alone; each part adds one chain of multiply-adds to an element. All
/// other cuts only say who computes what when, so a row of C has the same bits whatever rows are beside it, on any number
/// of threads. The operand with fewer lines is packed once for all; the threads share out the other one's lines and pack
/// them as they come.
enum MatrixProduct {
    /// The longest part of K: a panel of B and one of A of that depth fill most of the first cache.
    static let longestPart = 320
    /// The longest tail that goes with the last part.
    static let longestTail = 64
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
        max(sharedFloats, Panels.count(lines: sharedLines, depth: longestPart + longestTail, width: PanelProduct.rows))
    static let ownPanelCount = Panels.count(
        lines: mostLines, depth: longestPart + longestTail, width: PanelProduct.rows)

    /// - Parameter tail: depths beyond K, at most `longestTail`, that are summed in one chain with the last part.
    static func run(
        _ a: some ProductSide, rows: Int, _ b: some ProductSide, columns: Int, depth: Int, tail: Int = 0,
        into c: Matrix, adding: Bool, on pool: ThreadPool
    ) {
        guard rows > 0, columns > 0 else { return }
        if depth + tail == 0, !adding { return RowMoves.clear(c, on: pool) }
        let parts = Parts(depth: depth, tail: tail)
        // Lines whose depths lie apart are faster packed.
        if columns <= fewColumns, rows > columns, let a = a as? Operand, a.depthStride == 1 {
            return runFewColumns(a, rows: rows, b, columns: columns, parts, into: c, adding: adding, on: pool)
        }
        if rows <= columns {
            eachTile(
                shared: a, rows, width: PanelProduct.rows, own: b, columns, ownWidth: PanelProduct.columns, parts,
                on: pool
            ) { shared, rows, own, columns, start in
                PanelProduct.run(
                    PanelProduct.Rows(shared), own, height: rows.count, width: columns.count,
                    into: c.row(rows.lowerBound) + columns.lowerBound, stride: c.stride, adding: adding || start > 0)
            }
        } else {
            eachTile(
                shared: b, columns, width: PanelProduct.columns, own: a, rows, ownWidth: PanelProduct.rows, parts,
                on: pool
            ) { shared, columns, own, rows, start in
                PanelProduct.run(
                    PanelProduct.Rows(own), shared, height: rows.count, width: columns.count,
                    into: c.row(rows.lowerBound) + columns.lowerBound, stride: c.stride, adding: adding || start > 0)
            }
        }
    }

    /// A tall and narrow result, as adapters have them: B is packed for all, A is read where it lies.
    private static func runFewColumns(
        _ a: Operand, rows: Int, _ b: some ProductSide, columns: Int, _ parts: Parts, into c: Matrix, adding: Bool,
        on pool: ThreadPool
    ) {
        let partFloats = Panels.count(lines: columns, depth: parts.longest, width: PanelProduct.columns)
        for group in parts.groups(of: sharedPanelCount / partFloats) {
            func panels(_ part: Int) -> Panels {
                Panels(
                    pool.sharedPanels + (part - group.lowerBound) * partFloats, depth: parts[part].count,
                    width: PanelProduct.columns)
            }
            pool.run(group.count) { item, thread in
                let part = group.lowerBound + item
                b.pack(
                    0..<columns, of: columns, first: 0, depth: parts[part].lowerBound, into: panels(part),
                    scratch: pool.scratch(thread))
            }
            pool.chunks(of: rows, size: leastLines) { lines in
                for part in group {
                    let (packed, start) = (panels(part), parts[part].lowerBound)
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
        _ parts: Parts, on pool: ThreadPool,
        _ body: (Panels, Range<Int>, Panels, Range<Int>, _ start: Int) -> Void
    ) {
        let strip = stripLength(of: ownCount, unit: ownWidth, threads: pool.count)
        let strips = (ownCount + strip - 1) / strip
        for first in stride(from: 0, to: sharedCount, by: sharedLines) {
            let lines = min(sharedLines, sharedCount - first)
            let partFloats = Panels.count(lines: lines, depth: parts.longest, width: width)
            // Too few strips for the threads: each is computed in several slabs of the shared lines.
            let slab = strips >= pool.count ? lines : slabLength(of: lines, slabs: pool.count / strips + 1)
            let slabs = (lines + slab - 1) / slab
            let pieces = (lines + leastLines - 1) / leastLines
            for group in parts.groups(of: sharedPanelCount / partFloats) {
                func panels(_ part: Int) -> Panels {
                    Panels(
                        pool.sharedPanels + (part - group.lowerBound) * partFloats, depth: parts[part].count,
                        width: width)
                }
                pool.run(group.count * pieces) { item, thread in
                    let (line, part) = (item % pieces * leastLines, group.lowerBound + item / pieces)
                    shared.pack(
                        line..<min(lines, line + leastLines), of: lines, first: first, depth: parts[part].lowerBound,
                        into: panels(part), scratch: pool.scratch(thread))
                }
                pool.run(strips * slabs) { item, thread in
                    let line = item / slabs * strip
                    let ownLines = line..<min(ownCount, line + strip)
                    let sharedStart = item % slabs * slab
                    let sharedEnd = min(lines, sharedStart + slab)
                    for part in group {
                        let packed = panels(part)
                        let strip = Panels(pool.ownPanels(thread), depth: packed.depth, width: ownWidth)
                        own.pack(
                            0..<ownLines.count, of: ownCount - line, first: line, depth: parts[part].lowerBound,
                            into: strip, scratch: pool.scratch(thread))
                        body(
                            packed.from(line: sharedStart), first + sharedStart..<first + sharedEnd, strip, ownLines,
                            parts[part].lowerBound)
                    }
                }
            }
        }
    }

    /// Where the depth is cut: equal parts, of at most `longestPart`; the last one has the tail as well.
    struct Parts {
        private let depth: Int
        private let tail: Int
        private let length: Int
        let count: Int

        init(depth: Int, tail: Int) {
            (self.depth, self.tail) = (depth, tail)
            count = max(1, (depth + longestPart - 1) / longestPart)
            length = ((depth + count - 1) / count + 7) / 8 * 8
        }

        /// The depths of a part.
        @inline(__always)
        subscript(part: Int) -> Range<Int> {
            part * length..<(part == count - 1 ? depth + tail : (part + 1) * length)
        }

        var longest: Int { length + tail }

        /// So many parts at a time, and at least one.
        func groups(of most: Int) -> Groups { Groups(most: max(1, most), end: count) }

        struct Groups: Sequence, IteratorProtocol {
            private var start = 0
            private let most: Int
            private let end: Int

            init(most: Int, end: Int) { (self.most, self.end) = (most, end) }

            mutating func next() -> Range<Int>? {
                guard start < end else { return nil }
                defer { start += most }
                return start..<Swift.min(end, start + most)
            }
        }
    }

    /// Several equal strips for every thread, so that a late one holds up little.
    private static func stripLength(of lines: Int, unit: Int, threads: Int) -> Int {
        let each = max(
            (lines + threads * mostLines - 1) / (threads * mostLines), min(3, lines / (threads * leastLines)))
        let strips = threads * max(1, each)
        return min(mostLines, ((lines + strips - 1) / strips + unit - 1) / unit * unit)
    }

    private static func slabLength(of lines: Int, slabs: Int) -> Int {
        max(leastLines, ((lines + slabs - 1) / slabs + leastLines - 1) / leastLines * leastLines)
    }
}
