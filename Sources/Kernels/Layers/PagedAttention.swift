/// A layer's keys and values that outlive a pass: in pages of `rows` rows, which sequences own or share.
///
/// A page holds the keys of each key head as [E, rows], so that a vector holds one element of many keys, and after them
/// the values as [rows, G · E].
package struct KeyValuePages {
    /// Rows of a page.
    package static let rows = 32

    let keyHeads: Int
    let width: Int
    private let base: UnsafeMutablePointer<Float>

    /// - Parameters:
    ///   - base: `floats(keyHeads:width:)` for each page.
    ///   - keyHeads: G
    ///   - width: E
    package init(_ base: UnsafeMutablePointer<Float>, keyHeads: Int, width: Int) {
        (self.base, self.keyHeads, self.width) = (base, keyHeads, width)
    }

    /// Pages that so many rows take.
    package static func count(rows: Int) -> Int { (rows + KeyValuePages.rows - 1) / KeyValuePages.rows }

    /// Floats of a page.
    package static func floats(keyHeads: Int, width: Int) -> Int { 2 * rows * keyHeads * width }

    /// [E, rows] of a page.
    func keys(_ page: Int, head: Int) -> UnsafeMutablePointer<Float> {
        base + (2 * page * keyHeads + head) * KeyValuePages.rows * width
    }

    /// [rows, G · E] of a page.
    func values(_ page: Int) -> UnsafeMutablePointer<Float> {
        base + (2 * page + 1) * keyHeads * KeyValuePages.rows * width
    }

    /// Keeps rows of k and v [T, G · E], each at its place.
    package func keep(_ k: Matrix, _ v: Matrix, at places: [Place], on pool: ThreadPool) {
        pool.chunks(of: places.count, size: 16) { range in
            for place in places[range] {
                for head in 0..<keyHeads {
                    let (source, target) = (
                        k.row(place.source) + head * width, keys(place.page, head: head) + place.row
                    )
                    for i in 0..<width { target[i * KeyValuePages.rows] = source[i] }
                }
                (values(place.page) + place.row * keyHeads * width).update(
                    from: v.row(place.source), count: keyHeads * width)
            }
        }
    }

    /// The place of a row: its page, and its row there.
    package struct Place {
        /// The row of k and v.
        let source: Int
        let page: Int
        /// The row of the page.
        let row: Int

        /// - Parameters:
        ///   - row: of a sequence, counted from the first that its pages hold.
        package init(source: Int, row: Int, of pages: [Int32]) {
            self.source = source
            (page, self.row) = (Int(pages[row / KeyValuePages.rows]), row % KeyValuePages.rows)
        }
    }
}

/// Softmax attention of single rows over keys and values in pages: each row is the last one of its sequence.
///
/// A row's output has every bit that `Attention` gives it. Shapes: q, o [A, H · E].
package struct PagedAttention {
    /// A row and the keys it sees: those of a prompt, which others may see too, then those of its own text.
    package struct Reader {
        /// Row of q and o.
        let query: Int
        let prompt: Run
        let own: Run

        package init(query: Int, prompt: Run, own: Run) { (self.query, self.prompt, self.own) = (query, prompt, own) }

        var keys: Int { prompt.rows + own.rows }
    }

    /// Rows that lie in some pages, beginning with the first page's first.
    package struct Run {
        package let pages: [Int32]
        let rows: Int

        package init(pages: [Int32], rows: Int) { (self.pages, self.rows) = (pages, rows) }
    }

    private let heads: Int
    private let pages: KeyValuePages
    private let scores: ScoreRule
    private let window: Int?
    private let scratch: [UnsafeMutablePointer<Float>]

    /// - Parameters:
    ///   - heads: H; the pages know G and E.
    ///   - scale: see `Attention`.
    ///   - cap: see `Attention`.
    ///   - window: see `Attention`.
    ///   - scratch: one buffer of `scratchCount` floats for each thread of the pool.
    package init(
        _ pages: KeyValuePages, heads: Int, scale: Float, cap: Float?, window: Int?,
        scratch: [UnsafeMutablePointer<Float>]
    ) {
        (self.pages, self.heads, self.window, self.scratch) = (pages, heads, window, scratch)
        scores = ScoreRule(scale: scale, cap: cap)
    }

    /// Floats of scratch space a thread needs when a row sees at most `keys` rows.
    package static func scratchCount(keys: Int, heads: Int, keyHeads: Int, width: Int) -> Int {
        heads / keyHeads * stride(keys: keys) + width
    }

    /// A row of scores, which are written a page at a time.
    private static func stride(keys: Int) -> Int { (keys + 2 * KeyValuePages.rows) / 16 * 16 }

    /// o = softmax(rule(q kᵀ)) v
    package func forward(_ q: Matrix, _ readers: [Reader], into o: Matrix, on pool: ThreadPool) {
        let (keyHeads, width, group) = (pages.keyHeads, pages.width, heads / pages.keyHeads)
        pool.run(readers.count * keyHeads) { item, thread in
            let (reader, keyHead) = (readers[item / keyHeads], item % keyHeads)
            let stride = PagedAttention.stride(keys: reader.keys)
            let visible = (window.map { max(0, reader.keys - $0) } ?? 0)..<reader.keys
            let first = keyHead * group * width
            let (queries, outputs) = (q.row(reader.query) + first, o.row(reader.query) + first)
            let s = scratch[thread]
            eachPage(reader, from: visible.lowerBound) { page, _, key in
                score(queries, group, pages.keys(page, head: keyHead), into: s + key, stride)
            }
            let sum = s + group * stride
            for head in 0..<group {
                let (row, output) = (s + head * stride, outputs + head * width)
                let (_, total) = scores.exponentials(row, visible: visible, count: reader.keys, pool.kernels)
                // Sums are cut into chains where `Attention` cuts them.
                let part = AttentionTile.longestPart
                for start in Swift.stride(from: visible.lowerBound / part * part, to: reader.keys, by: part) {
                    let keys = max(start, visible.lowerBound)..<min(start + part, reader.keys)
                    let isFirst = start <= visible.lowerBound
                    let target = isFirst ? output : sum
                    target.update(repeating: 0, count: width)
                    eachPage(reader, from: keys.lowerBound) { page, rows, key in
                        let here = keys.clamped(to: key..<key + rows)
                        if here.isEmpty { return }
                        let values = pages.values(page) + (here.lowerBound - key) * keyHeads * width + keyHead * width
                        accumulate(
                            row + here.lowerBound, values, stride: keyHeads * width, keys: here.count, into: target)
                    }
                    if !isFirst { Kernels.accumulate(sum, into: output, width) }
                }
                scaleRow(output, by: 1 / total, width)
            }
        }
    }

    /// Calls `body` for each page that holds keys from `start` on, in order, with how many rows of it belong to the
    /// sequence and the first one's number.
    @inline(__always)
    private func eachPage(_ reader: Reader, from start: Int, _ body: (_ page: Int, _ rows: Int, _ key: Int) -> Void) {
        func walk(_ run: Run, first: Int) {
            for (number, key) in Swift.stride(from: 0, to: run.rows, by: KeyValuePages.rows).enumerated() {
                let rows = min(KeyValuePages.rows, run.rows - key)
                if first + key + rows > start { body(Int(run.pages[number]), rows, first + key) }
            }
        }
        walk(reader.prompt, first: 0)
        walk(reader.own, first: reader.prompt.rows)
    }

    /// s[h, j] = qₕ · kⱼ for the heads of a group and all rows of a page. Where the sequence has fewer rows, the rest is
    /// anything.
    private func score(
        _ q: UnsafePointer<Float>, _ group: Int, _ keys: UnsafePointer<Float>, into s: UnsafeMutablePointer<Float>,
        _ stride: Int
    ) {
        let width = pages.width
        var head = 0
        while head + 2 <= group {
            let (q0, q1) = (q + head * width, q + (head + 1) * width)
            var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            var (b0, b1, b2, b3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            for i in 0..<width {
                let k = keys + i * KeyValuePages.rows
                let (k0, k1) = (Vector(from: k), Vector(from: k + 8))
                let (k2, k3) = (Vector(from: k + 16), Vector(from: k + 24))
                let (x, y) = (Vector(repeating: q0[i]), Vector(repeating: q1[i]))
                (a0, a1) = (a0.addingProduct(x, k0), a1.addingProduct(x, k1))
                (a2, a3) = (a2.addingProduct(x, k2), a3.addingProduct(x, k3))
                (b0, b1) = (b0.addingProduct(y, k0), b1.addingProduct(y, k1))
                (b2, b3) = (b2.addingProduct(y, k2), b3.addingProduct(y, k3))
            }
            store(a0, a1, a2, a3, to: s + head * stride)
            store(b0, b1, b2, b3, to: s + (head + 1) * stride)
            head += 2
        }
        if head < group {
            let q0 = q + head * width
            var (a0, a1, a2, a3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
            for i in 0..<width {
                let k = keys + i * KeyValuePages.rows
                let x = Vector(repeating: q0[i])
                (a0, a1) = (a0.addingProduct(x, Vector(from: k)), a1.addingProduct(x, Vector(from: k + 8)))
                (a2, a3) = (a2.addingProduct(x, Vector(from: k + 16)), a3.addingProduct(x, Vector(from: k + 24)))
            }
            store(a0, a1, a2, a3, to: s + head * stride)
        }
    }

    @inline(__always)
    private func store(_ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector, to s: UnsafeMutablePointer<Float>) {
        a.store(to: s)
        b.store(to: s + 8)
        c.store(to: s + 16)
        d.store(to: s + 24)
    }

    /// y += Σⱼ pⱼ vⱼ, in the order of the keys.
    private func accumulate(
        _ p: UnsafePointer<Float>, _ values: UnsafePointer<Float>, stride: Int, keys: Int,
        into y: UnsafeMutablePointer<Float>
    ) {
        let width = pages.width
        var column = 0
        while column + 32 <= width {
            let (v, target) = (values + column, y + column)
            var (y0, y1) = (Vector(from: target), Vector(from: target + 8))
            var (y2, y3) = (Vector(from: target + 16), Vector(from: target + 24))
            for key in 0..<keys {
                let (x, row) = (Vector(repeating: p[key]), v + key * stride)
                (y0, y1) = (y0.addingProduct(x, Vector(from: row)), y1.addingProduct(x, Vector(from: row + 8)))
                (y2, y3) = (y2.addingProduct(x, Vector(from: row + 16)), y3.addingProduct(x, Vector(from: row + 24)))
            }
            store(y0, y1, y2, y3, to: target)
            column += 32
        }
        while column + 8 <= width {
            var sum = Vector(from: y + column)
            for key in 0..<keys {
                sum = sum.addingProduct(Vector(repeating: p[key]), Vector(from: values + key * stride + column))
            }
            sum.store(to: y + column)
            column += 8
        }
        while column < width {
            for key in 0..<keys { y[column] = y[column].addingProduct(p[key], values[key * stride + column]) }
            column += 1
        }
    }
}
