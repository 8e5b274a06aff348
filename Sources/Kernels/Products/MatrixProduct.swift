import CKernels

/// C [M, N] = A [M, K] B [K, N], or C += A B, on all threads of a pool.
///
/// The depth K is cut into equal parts, a function of K alone; each part adds one chain of multiply-adds to an element.
/// (Products of bfloat16 have chains of their own, of 32 depths; parts leave their bits alone.) All other cuts only say who computes what when, so a row of C has the same bits whatever rows are beside it, on any number
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
    /// The largest number of lines in one item of work, a multiple of all panels' widths: it still fits the second cache.
    static let mostLines = 192

    /// With at most so many columns, packing a row of A would cost more than it saves.
    private static let fewColumns = 32

    /// Floats of the packed panels: one set for all threads, and one for each.
    static let sharedPanelCount =
        max(sharedFloats, Panels.mostFloats(lines: sharedLines, depth: longestPart + longestTail))
    static let ownPanelCount = Panels.mostFloats(lines: mostLines, depth: longestPart + longestTail)

    /// The least number of lines in one item of work, a multiple of both panels' widths: packing a line costs as much as about
    /// fifteen multiplications of it.
    @inline(__always)
    private static func leastLines(_ product: prefopt_product) -> Int { 3 * Int(product.columns) }

    /// - Parameters:
    ///   - tail: depths beyond K, at most `longestTail`, that are summed in one chain with the last part.
    ///   - arithmetic: float32 where it must be; nil: the pool's.
    static func run(
        _ a: some ProductSide, rows: Int, _ b: some ProductSide, columns: Int, depth: Int, tail: Int = 0,
        into c: Matrix, adding: Bool, arithmetic: Arithmetic? = nil, on pool: ThreadPool
    ) {
        guard rows > 0, columns > 0 else { return }
        if depth + tail == 0, !adding { return RowMoves.clear(c, on: pool) }
        let arithmetic = arithmetic ?? pool.arithmetic
        let product = arithmetic == pool.arithmetic ? pool.product : pool.kernels.float32
        let parts = Parts(depth: depth, tail: tail, unit: max(8, Int(product.block)))
        // Lines whose depths lie apart are faster packed, and rounded ones must be.
        if arithmetic == .float32, columns <= fewColumns, rows > columns, let a = a as? Operand, a.depthStride == 1 {
            return runFewColumns(a, rows: rows, b, columns: columns, parts, into: c, adding: adding, on: pool)
        }
        if rows <= columns {
            eachTile(shared: a, rows, prefopt_side_a, own: b, columns, parts, product, on: pool) {
                shared, rows, own, columns, start in
                shared.multiply(
                    own, height: rows.count, width: columns.count,
                    into: c.row(rows.lowerBound) + columns.lowerBound, stride: c.stride, adding: adding || start > 0)
            }
        } else {
            eachTile(shared: b, columns, prefopt_side_b, own: a, rows, parts, product, on: pool) {
                shared, columns, own, rows, start in
                own.multiply(
                    shared, height: rows.count, width: columns.count,
                    into: c.row(rows.lowerBound) + columns.lowerBound, stride: c.stride, adding: adding || start > 0)
            }
        }
    }

    /// A tall and narrow result, as adapters have them: B is packed for all, A is read where it lies.
    private static func runFewColumns(
        _ a: Operand, rows: Int, _ b: some ProductSide, columns: Int, _ parts: Parts, into c: Matrix, adding: Bool,
        on pool: ThreadPool
    ) {
        let product = pool.kernels.float32
        let partFloats = Panels.count(lines: columns, depth: parts.longest, side: prefopt_side_b, product)
        for group in parts.groups(of: sharedPanelCount / partFloats) {
            func panels(_ part: Int) -> Panels {
                Panels(
                    pool.sharedPanels + (part - group.lowerBound) * partFloats, depth: parts[part].count,
                    side: prefopt_side_b, product)
            }
            pool.run(group.count) { item, thread in
                let part = group.lowerBound + item
                b.pack(0..<columns, first: 0, parts[part], into: panels(part), at: 0, scratch: pool.scratch(thread))
            }
            pool.chunks(of: rows, size: leastLines(product)) { lines in
                for part in group {
                    let (packed, start) = (panels(part), parts[part].lowerBound)
                    pool.multiply(
                        a.from(line: lines.lowerBound, depth: start), packed, height: lines.count, width: columns,
                        into: c.row(lines.lowerBound), stride: c.stride, adding: adding || start > 0)
                }
            }
        }
    }

    /// Calls `body` for every tile of the result and every part of the depth, in the order of the parts, with the packed
    /// lines of both sides and where they and the part begin.
    @inline(__always)
    private static func eachTile(
        shared: some ProductSide, _ sharedCount: Int, _ side: prefopt_side, own: some ProductSide, _ ownCount: Int,
        _ parts: Parts, _ product: prefopt_product, on pool: ThreadPool,
        _ body: (Panels, Range<Int>, Panels, Range<Int>, _ start: Int) -> Void
    ) {
        let ownSide = side == prefopt_side_a ? prefopt_side_b : prefopt_side_a
        let least = leastLines(product)
        let strip = stripLength(of: ownCount, least: least, unit: product.width(of: ownSide), threads: pool.count)
        let strips = (ownCount + strip - 1) / strip
        for first in stride(from: 0, to: sharedCount, by: sharedLines) {
            let lines = min(sharedLines, sharedCount - first)
            let partFloats = Panels.count(lines: lines, depth: parts.longest, side: side, product)
            // Too few strips for the threads: each is computed in several slabs of the shared lines.
            let slab =
                strips >= pool.count ? lines : slabLength(of: lines, least: least, slabs: pool.count / strips + 1)
            let slabs = (lines + slab - 1) / slab
            let pieces = (lines + least - 1) / least
            for group in parts.groups(of: sharedPanelCount / partFloats) {
                func panels(_ part: Int) -> Panels {
                    Panels(
                        pool.sharedPanels + (part - group.lowerBound) * partFloats, depth: parts[part].count,
                        side: side, product)
                }
                pool.run(group.count * pieces) { item, thread in
                    let (line, part) = (item % pieces * least, group.lowerBound + item / pieces)
                    shared.pack(
                        line..<min(lines, line + least), first: first, parts[part], into: panels(part), at: 0,
                        scratch: pool.scratch(thread))
                }
                pool.run(strips * slabs) { item, thread in
                    let line = item / slabs * strip
                    let ownLines = line..<min(ownCount, line + strip)
                    let sharedStart = item % slabs * slab
                    let sharedEnd = min(lines, sharedStart + slab)
                    for part in group {
                        let packed = panels(part)
                        let strip = Panels(pool.ownPanels(thread), depth: packed.depth, side: ownSide, product)
                        own.pack(
                            0..<ownLines.count, first: line, parts[part], into: strip, at: 0,
                            scratch: pool.scratch(thread))
                        body(
                            packed.from(line: sharedStart), first + sharedStart..<first + sharedEnd, strip, ownLines,
                            parts[part].lowerBound)
                    }
                }
            }
        }
    }

    /// The parts of the depth: equal parts, of at most `longestPart`; the last one has the tail as well.
    struct Parts {
        private let depth: Int
        private let tail: Int
        private let length: Int
        let count: Int

        /// - Parameter unit: parts are whole multiples of it but for the last.
        init(depth: Int, tail: Int, unit: Int) {
            (self.depth, self.tail) = (depth, tail)
            count = max(1, (depth + longestPart - 1) / longestPart)
            length = ((depth + count - 1) / count + unit - 1) / unit * unit
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
    private static func stripLength(of lines: Int, least: Int, unit: Int, threads: Int) -> Int {
        let each = max(
            (lines + threads * mostLines - 1) / (threads * mostLines), min(3, lines / (threads * least)))
        let strips = threads * max(1, each)
        return min(mostLines, ((lines + strips - 1) / strips + unit - 1) / unit * unit)
    }

    private static func slabLength(of lines: Int, least: Int, slabs: Int) -> Int {
        max(least, ((lines + slabs - 1) / slabs + least - 1) / least * least)
    }
}

extension ThreadPool {
    /// C = A B or C += A B with the rows of A read where they lie: worth it when few columns of B would share the packing.
    @inline(__always)
    func multiply(
        _ a: Operand, _ b: Panels, height: Int, width: Int, into c: UnsafeMutablePointer<Float>, stride: Int,
        adding: Bool
    ) {
        kernels.multiply_strided(
            a.base, a.lineStride, a.depthStride, b.view, b.depth, height, width, c, stride, adding ? 1 : 0)
    }
}
