import CKernels
import Glibc

/// Softmax attention over the spans of a packed micro-batch: rows of a response see the shared prompt and themselves.
///
/// Work is tiled over blocks of query rows; no T × T matrix exists, and the backward pass recomputes its scores from the
/// stored log-sum-exp of each row. A row's output has the same bits whatever else is in the micro-batch, and whether the
/// keys before it are a shared prompt's or its own. Shapes: q, o [A, H · E]; k, v [T, G · E]; query head h reads key head
/// h · G / H.
package struct Attention {
    /// Some query rows and what they see: all of `prefix`, and `own` up to themselves.
    package struct Span: Sendable, Equatable {
        /// Rows of q and o.
        package var queries: Range<Int>
        /// Rows of k and v that every query of the span sees: the shared prompt.
        package var prefix: Range<Int>
        /// Rows of k and v seen causally. The last query sees all of them, the one before it all but the last, …
        package var own: Range<Int>

        package init(queries: Range<Int>, prefix: Range<Int>, own: Range<Int>) {
            self.queries = queries
            self.prefix = prefix
            self.own = own
        }
    }

    package let heads: Int
    let keyHeads: Int
    let width: Int
    let scores: ScoreRule
    let window: Int?
    private let scratch: [UnsafeMutablePointer<Float>]
    private let scratchKeys: Int

    /// - Parameters:
    ///   - heads: H
    ///   - keyHeads: G
    ///   - width: E
    ///   - scale: factor on q kᵀ.
    ///   - cap: if given, a score s becomes cap · tanh(s / cap) (Gemma-2, arXiv 2408.00118).
    ///   - window: if given, a query sees no key that is `window` or more positions before it (Mistral, arXiv 2310.06825).
    ///   - scratch: one buffer of `scratchCount(keys:width:)` floats for each thread of the pool.
    ///   - keys: the most key rows that a query sees.
    package init(
        heads: Int, keyHeads: Int, width: Int, scale: Float, cap: Float? = nil, window: Int? = nil,
        scratch: [UnsafeMutablePointer<Float>], keys: Int
    ) {
        self.heads = heads
        self.keyHeads = keyHeads
        self.width = width
        scores = ScoreRule(scale: scale, cap: cap)
        self.window = window
        self.scratch = scratch
        scratchKeys = keys
    }

    /// Floats of scratch space a thread needs when a query sees at most `keys` rows.
    package static func scratchCount(keys: Int, width: Int) -> Int {
        AttentionScratch(nil, keys: keys, width: width).count
    }

    /// o = softmax(rule(q kᵀ)) v, and `normalizers` [A, H] = the log-sum-exp of every score row.
    package func forward(
        _ q: Matrix, _ k: Matrix, _ v: Matrix, spans: [Span],
        into o: Matrix, normalizers: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        let blocks = spans.indices.flatMap { span in
            (0..<AttentionTile.count(of: spans[span])).map { (span, $0) }
        }
        let product = pool.kernels.float32
        pool.run(blocks.count * keyHeads) { item, thread in
            let (place, number) = blocks[item / keyHeads]
            let keyHead = item % keyHeads
            let tile = AttentionTile(of: spans[place], number: number, window: window)
            let space = AttentionScratch(scratch[thread], keys: scratchKeys, width: width, product)
            let p = space.probabilities
            tile.packLines(k, head: keyHead, width, into: space.keyLines, product)
            tile.packDepths(v, head: keyHead, width, into: space, product)
            for head in queryHeads(of: keyHead) {
                multiply(tile, q, head, space.keyLines, into: p, space.stride, on: pool)
                for row in 0..<tile.queries.count {
                    let t = tile.queries.lowerBound + row
                    let (normalizer, sum) = scores.exponentials(
                        p + row * space.stride, visible: tile.visible(row), count: tile.keys, pool.kernels)
                    normalizers[t * heads + head] = normalizer
                    // The row is divided by its sum when it has become a row of o, which is shorter.
                    space.shares[row] = 1 / sum
                }
                apply(tile, p, space, into: o, head, on: pool)
                for row in 0..<tile.queries.count {
                    scaleRow(o.row(tile.queries.lowerBound + row) + head * width, by: space.shares[row], width)
                }
            }
        }
    }

    /// dq = …, dk += …, dv += … of `forward`.
    ///
    /// - Parameter groups: ranges of `spans` that share no key row with each other; a group's dk and dv belong to one item
    ///   of work per key head, which adds them up in a fixed order.
    package func backward(
        _ dO: Matrix, _ q: Matrix, _ k: Matrix, _ v: Matrix, o: Matrix, normalizers: UnsafePointer<Float>,
        spans: [Span], groups: [Range<Int>],
        dq: Matrix, dk: Matrix, dv: Matrix, on pool: ThreadPool
    ) {
        let product = pool.kernels.float32
        pool.run(groups.count * keyHeads) { item, thread in
            let keyHead = item % keyHeads
            let space = AttentionScratch(scratch[thread], keys: scratchKeys, width: width, product)
            for span in spans[groups[item / keyHeads]] {
                for number in 0..<AttentionTile.count(of: span) {
                    let tile = AttentionTile(of: span, number: number, window: window)
                    tile.packLines(k, head: keyHead, width, into: space.keyLines, product)
                    tile.packLines(v, head: keyHead, width, into: space.valueLines, product)
                    tile.packDepths(k, head: keyHead, width, into: space, product)
                    for head in queryHeads(of: keyHead) {
                        differentiate(tile, head, dO, q, o, normalizers, space, on: pool)
                        apply(tile, space.derivatives, space, into: dq, head, on: pool)
                        accumulate(tile, space.derivatives, q, head, space, into: dk, keyHead, on: pool)
                        accumulate(tile, space.probabilities, dO, head, space, into: dv, keyHead, on: pool)
                    }
                }
            }
        }
    }

    /// The tile's probabilities and the derivatives by its raw scores q kᵀ.
    private func differentiate(
        _ tile: AttentionTile, _ head: Int, _ dO: Matrix, _ q: Matrix, _ o: Matrix,
        _ normalizers: UnsafePointer<Float>, _ space: AttentionScratch, on pool: ThreadPool
    ) {
        multiply(tile, q, head, space.keyLines, into: space.probabilities, space.stride, on: pool)
        multiply(tile, dO, head, space.valueLines, into: space.derivatives, space.stride, on: pool)
        for row in 0..<tile.queries.count {
            let t = tile.queries.lowerBound + row
            scores.differentiate(
                space.probabilities + row * space.stride, space.derivatives + row * space.stride,
                visible: tile.visible(row), count: tile.keys, normalizer: normalizers[t * heads + head],
                projection: dot(dO.row(t) + head * width, o.row(t) + head * width, width), pool.kernels)
        }
    }

    private func queryHeads(of keyHead: Int) -> Range<Int> {
        let group = heads / keyHeads
        return keyHead * group..<(keyHead + 1) * group
    }

    /// s = x lᵀ: a score for each of the tile's queries and every key line.
    private func multiply(
        _ tile: AttentionTile, _ x: Matrix, _ head: Int, _ lines: UnsafeMutablePointer<Float>,
        into s: UnsafeMutablePointer<Float>, _ stride: Int, on pool: ThreadPool
    ) {
        let queries = Operand(rowsOf: self.head(head, of: x)).from(line: tile.queries.lowerBound)
        let product = pool.kernels.float32
        let columns = Int(product.columns)
        // Whole panels: what is past the last key comes out as zeros.
        pool.multiply(
            queries, Panels(lines, depth: width, side: prefopt_side_b, product), height: tile.queries.count,
            width: AttentionScratch.padded(tile.keys, to: columns), into: s, stride: stride, adding: false)
    }

    /// y = s d: rows of scores times the packed rows of v (or k).
    private func apply(
        _ tile: AttentionTile, _ s: UnsafeMutablePointer<Float>, _ space: AttentionScratch, into y: Matrix, _ head: Int,
        on pool: ThreadPool
    ) {
        let target = self.head(head, of: y)
        let product = pool.kernels.float32
        tile.eachPart { part, keys in
            pool.multiply(
                Operand(s + keys.lowerBound, lineStride: space.stride, depthStride: 1),
                Panels(space.depths(part), depth: keys.count, side: prefopt_side_b, product),
                height: tile.queries.count, width: width, into: target.row(tile.queries.lowerBound),
                stride: target.stride, adding: part > 0)
        }
    }

    /// dy += sᵀ x, at the tile's key rows.
    private func accumulate(
        _ tile: AttentionTile, _ s: UnsafeMutablePointer<Float>, _ x: Matrix, _ head: Int, _ space: AttentionScratch,
        into dy: Matrix, _ keyHead: Int, on pool: ThreadPool
    ) {
        let target = self.head(keyHead, of: dy)
        let rows = tile.queries.count
        let product = pool.kernels.float32
        let packed = Panels(space.queries, depth: rows, side: prefopt_side_b, product)
        packed.pack(
            Operand(columnsOf: self.head(head, of: x)).from(line: 0, depth: tile.queries.lowerBound), lines: width,
            depths: 0..<rows)
        tile.eachRun { keys, column in
            pool.multiply(
                Operand(s + column, lineStride: 1, depthStride: space.stride), packed, height: keys.count, width: width,
                into: target.row(keys.lowerBound), stride: target.stride, adding: true)
        }
    }

    private func head(_ number: Int, of x: Matrix) -> Matrix {
        x.columns(number * width..<(number + 1) * width)
    }
}

/// y *= factor
@inline(__always)
func scaleRow(_ y: UnsafeMutablePointer<Float>, by factor: Float, _ count: Int) {
    for i in groups(of: count) { (Vector(from: y + i) * factor).store(to: y + i) }
    for i in remainder(of: count) { y[i] *= factor }
}
