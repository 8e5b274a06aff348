import Kernels

/// One pass over a layer, forward or backward: the rows that go through it, the weights that it reads, and the memory
/// that it fills.
struct LayerPass {
    let architecture: Architecture
    let layer: Architecture.Layer
    let rows: LayerRows
    let values: Values
    /// Where parameters' gradients are added; nil: forward only.
    let gradients: UnsafeMutablePointer<Float>?
    let record: Record
    let scratch: Workspace.BlockScratch
    let low: LowRankSpace
    let attention: Attention
    /// Keys and values that outlive the pass; nil in training.
    let cached: (rows: CachedRows, pages: KeyValuePages, attention: PagedAttention)?
    /// Whether the forward pass only fills the record for a backward pass to come, and may leave its output as anything.
    let recordsOnly: Bool
    let pool: ThreadPool
}

/// The buffers, as the matrices that this pass's rows make of them.
extension LayerPass {
    // MARK: - Recorded

    var query: Matrix { rows.outputMatrix(record.query, architecture.queryWidth) }
    var keyValue: Matrix { rows.matrix(record.keyValue, 2 * architecture.keyWidth) }
    var attended: Matrix { rows.outputMatrix(record.attended, architecture.queryWidth) }
    var middle: Matrix { rows.outputMatrix(record.middle, architecture.width) }
    var hidden: Matrix { rows.outputMatrix(record.hidden, architecture.hiddenWidth) }

    // MARK: - Overwritten by the next layer

    var normed: Matrix { rows.matrix(scratch.normed, architecture.width) }
    var outputNormed: Matrix { rows.outputMatrix(scratch.normed, architecture.width) }
    var activation: Matrix { rows.outputMatrix(scratch.activation, architecture.feedForward) }
    var dNormed: Matrix { rows.matrix(scratch.dNormed, architecture.width) }
    var dOutputNormed: Matrix { rows.outputMatrix(scratch.dNormed, architecture.width) }
    var dMiddle: Matrix { rows.outputMatrix(scratch.dMiddle, architecture.width) }
    var dAttended: Matrix { rows.outputMatrix(scratch.dAttended, architecture.queryWidth) }
    var dQuery: Matrix { rows.outputMatrix(scratch.dQuery, architecture.queryWidth) }
    var dKeyValue: Matrix { rows.matrix(scratch.dKeyValue, 2 * architecture.keyWidth) }
    var dPlainKeys: Matrix { rows.matrix(scratch.dPlainKeys, architecture.keyWidth) }

    // MARK: - Halves of [T, 2 G · E]

    func keys(_ keyValue: Matrix) -> Matrix { keyValue.columns(0..<architecture.keyWidth) }

    func values(_ keyValue: Matrix) -> Matrix {
        keyValue.columns(architecture.keyWidth..<2 * architecture.keyWidth)
    }

    // MARK: - Output rows

    /// The output rows of n [T, D]: n itself, or gathered.
    func outputs(of n: Matrix) -> Matrix { rows.outputs(of: n, gatheredInto: scratch.outputRows, on: pool) }

    /// dy [A, D] as dx [T, D] in the same memory, zero at rows that don't come out.
    func spread(_ dy: Matrix, over d: UnsafeMutablePointer<Float>) -> Matrix {
        rows.spread(dy, over: d, keeping: scratch.dOutputRows, on: pool)
    }
}

/// The part of a layer between the projections of attention.
extension LayerPass {
    /// Rotates queries [A, H · E] and the keys of [T, 2 G · E] by their positions, in a layer that does.
    func rotate(_ query: Matrix, _ keyValue: Matrix) {
        guard layer.usesRotary, let rotary = rows.rotary else { return }
        rotary.forward(query, heads: architecture.heads, rows: rows.outputAngles, on: pool)
        rotary.forward(keyValue, heads: architecture.keyHeads, rows: rows.angles, on: pool)
    }

    /// Turns the derivatives by what `rotate` left into those by what it got.
    func rotateBackward(_ dQuery: Matrix, _ dKeyValue: Matrix) {
        guard layer.usesRotary, let rotary = rows.rotary else { return }
        rotary.backward(dKeyValue, heads: architecture.keyHeads, rows: rows.angles, on: pool)
        rotary.backward(dQuery, heads: architecture.heads, rows: rows.outputAngles, on: pool)
    }

    /// o = softmax(q kᵀ) v, over the batch's own keys and over cached ones.
    func attend(_ query: Matrix, _ keyValue: Matrix, into o: Matrix) {
        attention.forward(
            query, keys(keyValue), values(keyValue), spans: rows.spans, into: o, normalizers: record.normalizers,
            on: pool)
        guard let cached else { return }
        cached.pages.keep(keys(keyValue), values(keyValue), at: cached.rows.places, on: pool)
        cached.attention.forward(query, cached.rows.readers, into: o, on: pool)
    }

    /// The derivatives of `attend` by queries, keys and values.
    func attendBackward(_ dO: Matrix, into dQuery: Matrix, _ dKeyValue: Matrix) {
        RowMoves.clear(dKeyValue, on: pool)
        attention.backward(
            dO, query, keys(keyValue), values(keyValue), o: attended, normalizers: record.normalizers,
            spans: rows.spans, groups: rows.groups, dq: dQuery, dk: keys(dKeyValue), dv: values(dKeyValue), on: pool)
    }
}
