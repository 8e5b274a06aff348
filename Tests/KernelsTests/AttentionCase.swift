import Foundation
import Kernels
import Testing

/// Spans and head counts of one attention test, its slow twin, and its run through the kernel.
struct AttentionCase: Sendable, CustomTestStringConvertible {
    typealias Span = Attention.Span

    var testDescription: String
    var heads = 2
    var keyHeads = 1
    var width = 8
    var spans: [Span]
    /// Ranges of spans that share key rows.
    var groups: [Range<Int>]
    var cap: Float?
    var window: Int?
    let scale: Float = 0.375

    var queryRows: Int { spans.map(\.queries.upperBound).max()! }
    var keyRows: Int { spans.map(\.own.upperBound).max()! }
    var visibleKeys: Int { spans.map { $0.prefix.count + $0.own.count }.max()! }

    /// The key rows that query row `row` of `span` sees.
    func visible(_ span: Span, _ row: Int) -> [Int] {
        let all = Array(span.prefix) + Array(span.own.dropLast(span.queries.upperBound - 1 - row))
        return window.map { all.suffix($0) } ?? all
    }

    /// o = softmax(cap · tanh(q kᵀ · scale / cap)) v, or without the cap, one query and one head at a time
    func twin(_ q: [Double], _ k: [Double], _ v: [Double]) -> [Double] {
        var o = [Double](repeating: 0, count: q.count)
        for span in spans {
            for row in span.queries {
                let keys = visible(span, row)
                for head in 0..<heads {
                    let column = row * heads * width + head * width
                    let keyColumn = head * keyHeads / heads * width
                    let scores = keys.map { key in
                        let start = key * keyHeads * width + keyColumn
                        let score = (0..<width).reduce(0.0) { $0 + q[column + $1] * k[start + $1] } * Double(scale)
                        return cap.map { Double($0) * tanh(score / Double($0)) } ?? score
                    }
                    let peak = scores.max()!
                    let shares = scores.map { exp($0 - peak) }
                    let sum = shares.reduce(0, +)
                    for (key, share) in zip(keys, shares) {
                        let start = key * keyHeads * width + keyColumn
                        for i in 0..<width { o[column + i] += share / sum * v[start + i] }
                    }
                }
            }
        }
        return o
    }

    /// Random inputs, strided as in a packed projection: k and v are halves of one matrix.
    struct Inputs {
        let q, keyValue, dO: Grid
        let k, v: Matrix
    }

    func inputs(seed: UInt64, scale: Float = 2) -> Inputs {
        var random = Random(seed)
        let side = keyHeads * width
        let keyValue = Grid(keyRows, 2 * side, &random, scale: scale)
        return Inputs(
            q: Grid(queryRows, heads * width, &random, scale: scale), keyValue: keyValue,
            dO: Grid(queryRows, heads * width, gap: 1, &random),
            k: keyValue.matrix.columns(0..<side), v: keyValue.matrix.columns(side..<2 * side))
    }

    /// o, the normalizers, dq, and dk beside dv. The last two start as `start`, dq as anything.
    func run(_ inputs: Inputs, start: Grid? = nil, on pool: ThreadPool) -> (
        o: Grid, normalizers: Grid, dq: Grid, dkv: Grid
    ) {
        let side = keyHeads * width
        let scratch = (0..<pool.count).map { _ in Grid(1, Attention.scratchCount(keys: visibleKeys, width: width)) }
        let attention = Attention(
            heads: heads, keyHeads: keyHeads, width: width, scale: scale, cap: cap, window: window,
            scratch: scratch.map(\.pointer), keys: visibleKeys)
        let (o, normalizers) = (Grid(queryRows, heads * width, gap: 2), Grid(queryRows, heads, gap: 0))
        attention.forward(
            inputs.q.matrix, inputs.k, inputs.v, spans: spans, into: o.matrix, normalizers: normalizers.pointer,
            on: pool)
        var random = Random(99)
        let (dq, dkv) = (Grid(queryRows, heads * width, &random), start?.copy() ?? Grid(keyRows, 2 * side, gap: 1))
        attention.backward(
            inputs.dO.matrix, inputs.q.matrix, inputs.k, inputs.v, o: o.matrix, normalizers: normalizers.pointer,
            spans: spans, groups: groups, dq: dq.matrix,
            dk: dkv.matrix.columns(0..<side), dv: dkv.matrix.columns(side..<2 * side), on: pool)
        for buffer in scratch { #expect(buffer.fenceHolds) }
        return (o, normalizers, dq, dkv)
    }

    static let all = [
        AttentionCase(
            testDescription: "one row", heads: 1, spans: [Span(queries: 0..<1, prefix: 0..<0, own: 0..<1)],
            groups: [0..<1]),
        AttentionCase(
            testDescription: "nine rows of odd heads", heads: 3, keyHeads: 3, width: 7,
            spans: [Span(queries: 0..<9, prefix: 0..<0, own: 0..<9)], groups: [0..<1]),
        AttentionCase(
            testDescription: "three responses of one prompt, then a sequence alone; grouped heads",
            heads: 4, keyHeads: 2,
            spans: [
                Span(queries: 0..<7, prefix: 0..<0, own: 0..<7), Span(queries: 7..<15, prefix: 0..<7, own: 7..<15),
                Span(queries: 15..<32, prefix: 0..<7, own: 15..<32),
                Span(queries: 32..<33, prefix: 0..<7, own: 32..<33),
                Span(queries: 33..<42, prefix: 33..<33, own: 33..<42),
            ], groups: [0..<4, 4..<5]),
        AttentionCase(
            testDescription: "spans of more than one block",
            heads: 2, width: 5,
            spans: [
                Span(queries: 0..<130, prefix: 0..<0, own: 0..<130),
                Span(queries: 130..<430, prefix: 0..<130, own: 130..<430),
                Span(queries: 430..<433, prefix: 0..<130, own: 430..<433),
                Span(queries: 433..<561, prefix: 0..<130, own: 433..<561),
            ], groups: [0..<4]),
        AttentionCase(
            testDescription: "only the rows that are scored: the prompt's last, most of each response",
            heads: 4, keyHeads: 1,
            spans: [
                Span(queries: 0..<1, prefix: 0..<0, own: 0..<20), Span(queries: 1..<10, prefix: 0..<20, own: 20..<30),
                Span(queries: 10..<11, prefix: 0..<20, own: 30..<35),
                Span(queries: 11..<144, prefix: 0..<20, own: 35..<180),
            ], groups: [0..<4]),
        AttentionCase(
            testDescription: "capped scores, and a window that ends in the prompt",
            heads: 4, keyHeads: 2, width: 16,
            spans: [
                Span(queries: 0..<30, prefix: 0..<0, own: 0..<30), Span(queries: 30..<43, prefix: 0..<30, own: 30..<43),
                Span(queries: 43..<62, prefix: 0..<30, own: 43..<62),
            ], groups: [0..<3], cap: 1.5, window: 11),
        AttentionCase(
            testDescription: "a window far behind the first key of long spans",
            heads: 2, width: 5,
            spans: [
                Span(queries: 0..<430, prefix: 0..<0, own: 0..<430),
                Span(queries: 430..<900, prefix: 0..<430, own: 430..<900),
            ], groups: [0..<2], window: 33),
        AttentionCase(
            testDescription: "one new row after many, as in generation", heads: 2, keyHeads: 2,
            spans: [
                Span(queries: 0..<1, prefix: 0..<0, own: 0..<65), Span(queries: 1..<2, prefix: 65..<72, own: 72..<73),
            ], groups: [0..<1, 1..<2]),
    ]
}
