import Kernels

/// One layer of the decoder: x + attention(norm(x)), then the same with the feed-forward network.
///
/// `forward` and `backward` mirror each other, line by line from opposite ends. Only the block's *output rows* come out:
/// all T rows, but in the last block the A rows that predict something.
struct Block {
    let architecture: Architecture
    let place: ParameterTable.Block
    let rotary: Rotary
    let pool: ThreadPool

    /// The rows of one pass, and what they attend to.
    struct Rows {
        /// T
        let count: Int
        /// [T]
        let positions: UnsafePointer<Int32>
        /// The rows that come out, when they aren't all: [A] indices and their positions.
        let outputs: UnsafePointer<Int32>?
        let outputPositions: UnsafePointer<Int32>
        let outputCount: Int
        let spans: [Attention.Span]
        let groups: [Range<Int>]
    }

    /// - Parameters:
    ///   - x: [T, D]
    ///   - y: [A, D]
    ///   - keyValue: [≥ T, 2 G · E], where keys and values of these rows are put, from row `firstKey` on; the rows before
    ///     it are earlier tokens' (a generation cache).
    func forward(
        _ x: Matrix, into y: Matrix, weights: UnsafeMutablePointer<Float>, record r: Record, rows: Rows,
        keyValue: Matrix, firstKey: Int, attention: Attention, transient: Workspace.Transient
    ) {
        let a = architecture
        let n = Matrix(transient.normed, rows: rows.count, columns: a.width)
        RMSNorm.forward(x, weight: weights + place.attentionNorm, epsilon: a.normEpsilon, into: n, reciprocal: r.attentionReciprocal, on: pool)
        let fresh = keyValue.rows(firstKey..<firstKey + rows.count)
        Linear.forward(n, weight: matrix(weights, place.keyValue, 2 * a.keyWidth, a.width), bias: bias(weights, place.keyValueBias), into: fresh, on: pool)
        rotary.forward(fresh, heads: a.keyHeads, positions: rows.positions, on: pool)
        let q = Matrix(r.query, rows: rows.outputCount, columns: a.queryWidth)
        Linear.forward(outputRows(of: n, rows, transient), weight: matrix(weights, place.query, a.queryWidth, a.width), bias: bias(weights, place.queryBias), into: q, on: pool)
        rotary.forward(q, heads: a.heads, positions: rows.outputPositions, on: pool)

        let o = Matrix(r.attended, rows: rows.outputCount, columns: a.queryWidth)
        let (k, v) = (keyValue.columns(0..<a.keyWidth), keyValue.columns(a.keyWidth..<2 * a.keyWidth))
        attention.forward(q, k, v, spans: rows.spans, into: o, normalizers: r.normalizers, on: pool)

        let middle = Matrix(r.middle, rows: rows.outputCount, columns: a.width)
        copyOutputRows(of: x, rows, into: middle)
        Linear.forward(o, weight: matrix(weights, place.output, a.width, a.queryWidth), bias: bias(weights, place.outputBias), into: middle, adding: true, on: pool)

        let m = Matrix(transient.normed, rows: rows.outputCount, columns: a.width)
        RMSNorm.forward(middle, weight: weights + place.feedForwardNorm, epsilon: a.normEpsilon, into: m, reciprocal: r.feedForwardReciprocal, on: pool)
        let gateUp = Matrix(r.gateUp, rows: rows.outputCount, columns: 2 * a.feedForward)
        let activation = Matrix(transient.activation, rows: rows.outputCount, columns: a.feedForward)
        Linear.forward(m, weight: matrix(weights, place.gateUp, 2 * a.feedForward, a.width), bias: bias(weights, place.gateUpBias), into: gateUp, on: pool)
        GatedActivation.forward(gateUp, into: activation, on: pool)
        RowMoves.copy(middle, into: y, on: pool)
        Linear.forward(activation, weight: matrix(weights, place.down, a.width, a.feedForward), bias: bias(weights, place.downBias), into: y, adding: true, on: pool)
    }

    /// Adds the parameters' gradients into `gradients` and turns `d` from dy [A, D] into dx [T, D], in place. Uses up the
    /// record's `gateUp`.
    func backward(
        _ d: UnsafeMutablePointer<Float>, _ x: Matrix, weights: UnsafeMutablePointer<Float>,
        gradients: UnsafeMutablePointer<Float>, record r: Record, rows: Rows,
        attention: Attention, transient: Workspace.Transient
    ) {
        let a = architecture
        let dy = Matrix(d, rows: rows.outputCount, columns: a.width)
        let middle = Matrix(r.middle, rows: rows.outputCount, columns: a.width)
        let gateUp = Matrix(r.gateUp, rows: rows.outputCount, columns: 2 * a.feedForward)
        let activation = Matrix(transient.activation, rows: rows.outputCount, columns: a.feedForward)
        let m = Matrix(transient.normed, rows: rows.outputCount, columns: a.width)
        let dm = Matrix(transient.dNormed, rows: rows.outputCount, columns: a.width)

        Linear.backwardInput(dy, weight: matrix(weights, place.down, a.width, a.feedForward), into: activation, adding: false, on: pool)
        GatedActivation.backward(gateUp: gateUp, activation: activation, on: pool)
        Linear.backwardWeight(dy, activation, into: matrix(gradients, place.down, a.width, a.feedForward), on: pool)
        addBias(dy, gradients, place.downBias)
        RMSNorm.restore(middle, weight: weights + place.feedForwardNorm, reciprocal: r.feedForwardReciprocal, into: m, on: pool)
        Linear.backwardInput(gateUp, weight: matrix(weights, place.gateUp, 2 * a.feedForward, a.width), into: dm, adding: false, on: pool)
        Linear.backwardWeight(gateUp, m, into: matrix(gradients, place.gateUp, 2 * a.feedForward, a.width), on: pool)
        addBias(gateUp, gradients, place.gateUpBias)
        RMSNorm.backward(dm, middle, weight: weights + place.feedForwardNorm, reciprocal: r.feedForwardReciprocal, into: dy, dWeight: gradients + place.feedForwardNorm, on: pool)

        let o = Matrix(r.attended, rows: rows.outputCount, columns: a.queryWidth)
        let dO = Matrix(transient.dAttended, rows: rows.outputCount, columns: a.queryWidth)
        Linear.backwardInput(dy, weight: matrix(weights, place.output, a.width, a.queryWidth), into: dO, adding: false, on: pool)
        Linear.backwardWeight(dy, o, into: matrix(gradients, place.output, a.width, a.queryWidth), on: pool)
        addBias(dy, gradients, place.outputBias)

        let q = Matrix(r.query, rows: rows.outputCount, columns: a.queryWidth)
        let keyValue = Matrix(r.keyValue, rows: rows.count, columns: 2 * a.keyWidth)
        let dq = Matrix(transient.dQuery, rows: rows.outputCount, columns: a.queryWidth)
        let dKeyValue = Matrix(transient.dKeyValue, rows: rows.count, columns: 2 * a.keyWidth)
        let (keys, values) = (0..<a.keyWidth, a.keyWidth..<2 * a.keyWidth)
        RowMoves.clear(dKeyValue, on: pool)
        attention.backward(
            dO, q, keyValue.columns(keys), keyValue.columns(values), o: o, normalizers: r.normalizers,
            spans: rows.spans, groups: rows.groups,
            dq: dq, dk: dKeyValue.columns(keys), dv: dKeyValue.columns(values), on: pool)

        let n = Matrix(transient.normed, rows: rows.count, columns: a.width)
        let dn = Matrix(transient.dNormed, rows: rows.count, columns: a.width)
        RMSNorm.restore(x, weight: weights + place.attentionNorm, reciprocal: r.attentionReciprocal, into: n, on: pool)
        rotary.backward(dKeyValue, heads: a.keyHeads, positions: rows.positions, on: pool)
        Linear.backwardInput(dKeyValue, weight: matrix(weights, place.keyValue, 2 * a.keyWidth, a.width), into: dn, adding: false, on: pool)
        Linear.backwardWeight(dKeyValue, n, into: matrix(gradients, place.keyValue, 2 * a.keyWidth, a.width), on: pool)
        addBias(dKeyValue, gradients, place.keyValueBias)
        rotary.backward(dq, heads: a.heads, positions: rows.outputPositions, on: pool)
        addInputOfQueries(dq, weight: matrix(weights, place.query, a.queryWidth, a.width), into: dn, rows, transient)
        Linear.backwardWeight(dq, outputRows(of: n, rows, transient), into: matrix(gradients, place.query, a.queryWidth, a.width), on: pool)
        addBias(dq, gradients, place.queryBias)

        let dx = spread(dy, over: d, rows, transient)
        RMSNorm.backward(dn, x, weight: weights + place.attentionNorm, reciprocal: r.attentionReciprocal, into: dx, dWeight: gradients + place.attentionNorm, on: pool)
    }

    // MARK: - Output rows: in the last block they are gathered and scattered, in the others all rows are

    private func outputRows(of n: Matrix, _ rows: Rows, _ transient: Workspace.Transient) -> Matrix {
        guard let outputs = rows.outputs else { return n }
        let gathered = Matrix(transient.outputNormed, rows: rows.outputCount, columns: n.columns)
        RowMoves.gather(n, outputs, into: gathered, on: pool)
        return gathered
    }

    private func copyOutputRows(of x: Matrix, _ rows: Rows, into y: Matrix) {
        if let outputs = rows.outputs {
            RowMoves.gather(x, outputs, into: y, on: pool)
        } else {
            RowMoves.copy(x, into: y, on: pool)
        }
    }

    /// dn += dq W, at the output rows.
    private func addInputOfQueries(_ dq: Matrix, weight: Matrix, into dn: Matrix, _ rows: Rows, _ transient: Workspace.Transient) {
        if let outputs = rows.outputs {
            let d = Matrix(transient.dOutput, rows: rows.outputCount, columns: dn.columns)
            Linear.backwardInput(dq, weight: weight, into: d, adding: false, on: pool)
            RowMoves.scatterAdd(d, outputs, into: dn, on: pool)
        } else {
            Linear.backwardInput(dq, weight: weight, into: dn, adding: true, on: pool)
        }
    }

    /// dy [A, D] as dx [T, D] in the same memory, zero at rows that don't come out.
    private func spread(_ dy: Matrix, over d: UnsafeMutablePointer<Float>, _ rows: Rows, _ transient: Workspace.Transient) -> Matrix {
        guard let outputs = rows.outputs else { return dy }
        let kept = Matrix(transient.dOutput, rows: rows.outputCount, columns: dy.columns)
        let dx = Matrix(d, rows: rows.count, columns: dy.columns)
        RowMoves.copy(dy, into: kept, on: pool)
        RowMoves.clear(dx, on: pool)
        RowMoves.scatterAdd(kept, outputs, into: dx, on: pool)
        return dx
    }

    // MARK: - Places in the parameter vector

    private func matrix(_ base: UnsafeMutablePointer<Float>, _ place: Int, _ rows: Int, _ columns: Int) -> Matrix {
        Matrix(base + place, rows: rows, columns: columns)
    }

    private func bias(_ base: UnsafeMutablePointer<Float>, _ place: Int?) -> UnsafePointer<Float>? {
        place.map { UnsafePointer(base + $0) }
    }

    private func addBias(_ dy: Matrix, _ gradients: UnsafeMutablePointer<Float>, _ place: Int?) {
        if let place { Linear.backwardBias(dy, into: gradients + place, on: pool) }
    }
}
