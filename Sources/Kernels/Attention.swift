import COpenBLAS
import Glibc

/// Softmax attention over the spans of a packed micro-batch: rows of a response see the shared prompt and themselves.
///
/// Work is tiled over blocks of query rows; no T × T matrix exists, and the backward pass recomputes its scores from the
/// stored log-sum-exp of each row. Shapes: q, o [A, H · E]; k, v [T, G · E]; query head h reads key head h · G / H.
public struct Attention {
    /// Some query rows and what they see: all of `prefix`, and `own` up to themselves.
    public struct Span: Sendable, Equatable {
        /// Rows of q and o.
        public var queries: Range<Int>
        /// Rows of k and v that every query of the span sees: the shared prompt.
        public var prefix: Range<Int>
        /// Rows of k and v seen causally. The last query sees all of them, the one before it all but the last, …
        public var own: Range<Int>

        public init(queries: Range<Int>, prefix: Range<Int>, own: Range<Int>) {
            self.queries = queries
            self.prefix = prefix
            self.own = own
        }
    }

    /// The query rows of a tile.
    static let blockRows = 128

    let heads: Int
    let keyHeads: Int
    let width: Int
    let scale: Float
    /// Scores s become cap · tanh(s / cap).
    let cap: Float?
    /// A query at position p sees keys at positions above p − window.
    let window: Int?
    private let scratch: [UnsafeMutablePointer<Float>]
    private let scratchKeys: Int

    /// Floats of scratch space a thread needs when a query sees at most `keys` rows.
    public static func scratchCount(keys: Int) -> Int { 2 * blockRows * keys }

    /// - Parameters:
    ///   - heads, keyHeads, width: H, G, E.
    ///   - scratch: one buffer of `scratchCount(keys:)` floats for each thread of the pool.
    public init(
        heads: Int, keyHeads: Int, width: Int, scale: Float, cap: Float? = nil, window: Int? = nil,
        scratch: [UnsafeMutablePointer<Float>], keys: Int
    ) {
        self.heads = heads
        self.keyHeads = keyHeads
        self.width = width
        self.scale = scale
        self.cap = cap
        self.window = window
        self.scratch = scratch
        scratchKeys = keys
    }

    /// o = softmax(q kᵀ · scale) v, and `normalizers` [A, H] = the log-sum-exp of every score row.
    public func forward(
        _ q: Matrix, _ k: Matrix, _ v: Matrix, spans: [Span],
        into o: Matrix, normalizers: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        let tiles = spans.map { ($0.queries.count + Attention.blockRows - 1) / Attention.blockRows }
        let blocks = spans.indices.flatMap { span in (0..<tiles[span]).map { (span, $0) } }
        pool.run(blocks.count * keyHeads) { item, thread in
            let (place, number) = blocks[item / keyHeads]
            let keyHead = item % keyHeads
            let tile = Tile(of: spans[place], number: number)
            let scores = Matrix(scratch[thread], rows: tile.queries.count, columns: tile.keys)
            for head in queryHeads(of: keyHead) {
                score(tile, head, keyHead, q, k, into: scores)
                for row in 0..<scores.rows {
                    normalizers[(tile.queries.lowerBound + row) * heads + head] =
                        softmax(
                            scores.row(row), first: firstColumn(tile.visible(row)), visible: tile.visible(row),
                            count: scores.columns)
                }
                apply(tile, scores, keyHead, v, into: o.row(tile.queries.lowerBound) + head * width, o.stride)
            }
        }
    }

    /// dq = …, dk += …, dv += … of `forward`.
    ///
    /// - Parameter groups: ranges of `spans` that share no key row with each other; a group's dk and dv belong to one item
    ///   of work per key head, which adds them up in a fixed order.
    public func backward(
        _ dO: Matrix, _ q: Matrix, _ k: Matrix, _ v: Matrix, o: Matrix, normalizers: UnsafePointer<Float>,
        spans: [Span], groups: [Range<Int>],
        dq: Matrix, dk: Matrix, dv: Matrix, on pool: ThreadPool
    ) {
        pool.run(groups.count * keyHeads) { item, thread in
            let keyHead = item % keyHeads
            for span in spans[groups[item / keyHeads]] {
                for number in 0..<(span.queries.count + Attention.blockRows - 1) / Attention.blockRows {
                    let tile = Tile(of: span, number: number)
                    for head in queryHeads(of: keyHead) {
                        backward(
                            tile, head, keyHead, dO, q, k, v, o, normalizers, dq, dk, dv, scratch: scratch[thread])
                    }
                }
            }
        }
    }

    private func backward(
        _ tile: Tile, _ head: Int, _ keyHead: Int, _ dO: Matrix, _ q: Matrix, _ k: Matrix, _ v: Matrix, _ o: Matrix,
        _ normalizers: UnsafePointer<Float>, _ dq: Matrix, _ dk: Matrix, _ dv: Matrix,
        scratch: UnsafeMutablePointer<Float>
    ) {
        let rows = tile.queries.count
        let p = Matrix(scratch, rows: rows, columns: tile.keys)
        let ds = Matrix(scratch + Attention.blockRows * scratchKeys, rows: rows, columns: tile.keys)
        let first = tile.queries.lowerBound
        let (column, keyColumn) = (head * width, keyHead * width)
        let upstream = dO.row(first) + column

        // p = exp(s − normalizer); ds = dO vᵀ, then p ∘ (ds − dO · o) · scale
        score(tile, head, keyHead, q, k, into: p)
        for part in tile.parts {
            multiply(
                rows, part.keys.count, width, upstream, dO.stride, CblasNoTrans,
                v.row(part.keys.lowerBound) + keyColumn, v.stride, CblasTrans, ds.base + part.column, ds.stride,
                adding: false)
        }
        for row in 0..<rows {
            let t = first + row
            differentiate(
                p.row(row), ds.row(row), first: firstColumn(tile.visible(row)), visible: tile.visible(row), count: tile.keys,
                normalizer: normalizers[t * heads + head],
                projection: dot(dO.row(t) + column, o.row(t) + column, width))
        }
        for (place, part) in tile.parts.enumerated() {
            let keyRow = part.keys.lowerBound
            multiply(
                rows, width, part.keys.count, ds.base + part.column, ds.stride, CblasNoTrans,
                k.row(keyRow) + keyColumn, k.stride, CblasNoTrans, dq.row(first) + column, dq.stride, adding: place > 0)
            multiply(
                part.keys.count, width, rows, ds.base + part.column, ds.stride, CblasTrans,
                q.row(first) + column, q.stride, CblasNoTrans, dk.row(keyRow) + keyColumn, dk.stride, adding: true)
            multiply(
                part.keys.count, width, rows, p.base + part.column, p.stride, CblasTrans,
                upstream, dO.stride, CblasNoTrans, dv.row(keyRow) + keyColumn, dv.stride, adding: true)
        }
    }

    private func queryHeads(of keyHead: Int) -> Range<Int> {
        let group = heads / keyHeads
        return keyHead * group..<(keyHead + 1) * group
    }

    /// s = q kᵀ · scale for the tile's rows and every key row that any of them sees.
    private func score(_ tile: Tile, _ head: Int, _ keyHead: Int, _ q: Matrix, _ k: Matrix, into scores: Matrix) {
        for part in tile.parts {
            multiply(
                scores.rows, part.keys.count, width,
                q.row(tile.queries.lowerBound) + head * width, q.stride, CblasNoTrans,
                k.row(part.keys.lowerBound) + keyHead * width, k.stride, CblasTrans,
                scores.base + part.column, scores.stride, adding: false, scale: scale)
        }
        guard let cap else { return }
        for row in 0..<scores.rows {
            let s = scores.row(row)
            for i in groups(of: scores.columns) {
                ((Vector(from: s + i) / cap).hyperbolicTangent * cap).store(to: s + i)
            }
            for i in remainder(of: scores.columns) {
                s[i] = tanh(s[i] / cap) * cap
            }
        }
    }

    /// The first column that a row with `visible` columns sees: columns are positions.
    private func firstColumn(_ visible: Int) -> Int { window.map { max(0, visible - $0) } ?? 0 }

    /// o = p v
    private func apply(
        _ tile: Tile, _ p: Matrix, _ keyHead: Int, _ v: Matrix, into o: UnsafeMutablePointer<Float>, _ stride: Int
    ) {
        for (place, part) in tile.parts.enumerated() {
            multiply(
                p.rows, width, part.keys.count, p.base + part.column, p.stride, CblasNoTrans,
                v.row(part.keys.lowerBound) + keyHead * width, v.stride, CblasNoTrans, o, stride, adding: place > 0)
        }
    }

    /// Turns a row of scores into probabilities, zero past `visible`; returns its log-sum-exp.
    private func softmax(_ row: UnsafeMutablePointer<Float>, first: Int, visible: Int, count: Int) -> Float {
        row.update(repeating: 0, count: first)
        let (row, visible, count) = (row + first, visible - first, count - first)
        let peak = largest(row, visible)
        var lanes = Vector.zero
        var rest: Float = 0
        for i in groups(of: visible) {
            let e = (Vector(from: row + i) - peak).exponential
            lanes += e
            e.store(to: row + i)
        }
        for i in remainder(of: visible) {
            row[i] = exp(row[i] - peak)
            rest += row[i]
        }
        let sum = lanes.total + rest
        let share = 1 / sum
        for i in groups(of: visible) {
            (Vector(from: row + i) * share).store(to: row + i)
        }
        for i in remainder(of: visible) {
            row[i] *= share
        }
        (row + visible).update(repeating: 0, count: count - visible)
        return peak + log(sum)
    }

    /// p: scores → probabilities; ds: dp → p ∘ (dp − projection) · scale; both zero past `visible`.
    private func differentiate(
        _ p: UnsafeMutablePointer<Float>, _ ds: UnsafeMutablePointer<Float>, first: Int, visible: Int, count: Int,
        normalizer: Float, projection: Float
    ) {
        p.update(repeating: 0, count: first)
        ds.update(repeating: 0, count: first)
        let (p, ds, visible, count) = (p + first, ds + first, visible - first, count - first)
        if let cap {
            // The slope of the cap.
            for i in 0..<visible { ds[i] = (ds[i] - projection) * (1 - (p[i] / cap) * (p[i] / cap)) + projection }
        }
        for i in groups(of: visible) {
            let value = (Vector(from: p + i) - normalizer).exponential
            value.store(to: p + i)
            (value * (Vector(from: ds + i) - projection) * scale).store(to: ds + i)
        }
        for i in remainder(of: visible) {
            p[i] = exp(p[i] - normalizer)
            ds[i] = p[i] * (ds[i] - projection) * scale
        }
        (p + visible).update(repeating: 0, count: count - visible)
        (ds + visible).update(repeating: 0, count: count - visible)
    }
}

/// A block of a span's query rows, and the key rows that the last of them sees.
private struct Tile {
    let queries: Range<Int>
    /// The key rows in one or two runs, and the score column where each begins.
    let prefix: Range<Int>
    let own: Range<Int>
    private let firstVisible: Int

    init(of span: Attention.Span, number: Int) {
        let start = span.queries.lowerBound + number * Attention.blockRows
        queries = start..<min(start + Attention.blockRows, span.queries.upperBound)
        let hidden = span.queries.upperBound - queries.upperBound
        prefix = span.prefix
        own = span.own.lowerBound..<span.own.upperBound - hidden
        firstVisible = prefix.count + own.count - queries.count + 1
    }

    var keys: Int { prefix.count + own.count }

    /// How many score columns the tile's row `row` sees.
    func visible(_ row: Int) -> Int { firstVisible + row }

    var parts: [(keys: Range<Int>, column: Int)] {
        prefix.isEmpty ? [(own, 0)] : [(prefix, 0), (own, prefix.count)]
    }
}
