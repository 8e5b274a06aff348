import Kernels

/// One layer of the decoder: x + attention(norm(x)), then the same with the feed-forward network.
///
/// `forward` and `backward` mirror each other, line by line from opposite ends. Only the block's *output rows* come out:
/// all T rows, but in the last block the A rows that predict something.
struct Block {
    let architecture: Architecture
    let parameters: ParameterTable.Block
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
    ///   - y: [A, D]; nil when only the record is wanted, for the backward pass to come.
    ///   - keyValue: [≥ T, 2 G · E], where keys and values of these rows are put, from row `firstKey` on; the rows before
    ///     it are earlier tokens' (a generation cache).
    func forward(
        _ x: Matrix, into y: Matrix?, weights: UnsafeMutablePointer<Float>, record r: Record, rows: Rows,
        keyValue: Matrix, firstKey: Int, attention: Attention, transient t: Workspace.Transient
    ) {
        let (a, p, pass) = (architecture, parameters, Pass(weights: weights, pool: pool))
        let n = Matrix(t.normed, rows: rows.count, columns: a.width)
        let fresh = keyValue.rows(firstKey..<firstKey + rows.count)
        let (q, o, middle, gateUp) = (query(r, rows), attended(r, rows), middle(r, rows), gateUp(r, rows))

        p.attentionNorm.forward(x, into: n, reciprocal: r.attentionReciprocal, pass)
        p.keyValue.forward(n, into: fresh, pass)
        rotary.forward(fresh, heads: a.keyHeads, positions: rows.positions, on: pool)
        p.query.forward(outputRows(of: n, rows, t), into: q, pass)
        rotary.forward(q, heads: a.heads, positions: rows.outputPositions, on: pool)
        attention.forward(
            q, keys(keyValue), values(keyValue), spans: rows.spans, into: o, normalizers: r.normalizers, on: pool)
        copyOutputRows(of: x, rows, into: middle)
        p.output.forward(o, into: middle, adding: true, pass)

        let m = Matrix(t.normed, rows: rows.outputCount, columns: a.width)
        let activation = Matrix(t.activation, rows: rows.outputCount, columns: a.feedForward)
        p.feedForwardNorm.forward(middle, into: m, reciprocal: r.feedForwardReciprocal, pass)
        p.gateUp.forward(m, into: gateUp, pass)
        guard let y else { return }
        GatedActivation.forward(gateUp, into: activation, on: pool)
        RowMoves.copy(middle, into: y, on: pool)
        p.down.forward(activation, into: y, adding: true, pass)
    }

    /// Adds the parameters' gradients into `gradients` and turns `d` from dy [A, D] into dx [T, D], in place. Uses up the
    /// record's `gateUp`.
    func backward(
        _ d: UnsafeMutablePointer<Float>, _ x: Matrix, weights: UnsafeMutablePointer<Float>,
        gradients g: UnsafeMutablePointer<Float>, record r: Record, rows: Rows,
        attention: Attention, transient t: Workspace.Transient
    ) {
        let (a, p, pass) = (architecture, parameters, Pass(weights: weights, pool: pool))
        let dy = Matrix(d, rows: rows.outputCount, columns: a.width)
        let m = Matrix(t.normed, rows: rows.outputCount, columns: a.width)
        let dm = Matrix(t.dNormed, rows: rows.outputCount, columns: a.width)
        let activation = Matrix(t.activation, rows: rows.outputCount, columns: a.feedForward)
        let (q, o, middle, gateUp) = (query(r, rows), attended(r, rows), middle(r, rows), gateUp(r, rows))

        p.down.backward(dy, into: activation, pass)
        GatedActivation.backward(gateUp: gateUp, activation: activation, on: pool)
        p.down.backward(dy, input: activation, gradients: g, pass)
        p.feedForwardNorm.restore(middle, into: m, reciprocal: r.feedForwardReciprocal, pass)
        p.gateUp.backward(gateUp, input: m, gradients: g, pass)
        p.gateUp.backward(gateUp, into: dm, pass)
        p.feedForwardNorm.backward(
            dm, input: middle, into: dy, reciprocal: r.feedForwardReciprocal, gradients: g, pass)

        let keyValue = Matrix(r.keyValue, rows: rows.count, columns: 2 * a.keyWidth)
        let dO = Matrix(t.dAttended, rows: rows.outputCount, columns: a.queryWidth)
        let dq = Matrix(t.dQuery, rows: rows.outputCount, columns: a.queryWidth)
        let dKeyValue = Matrix(t.dKeyValue, rows: rows.count, columns: 2 * a.keyWidth)
        p.output.backward(dy, input: o, gradients: g, pass)
        p.output.backward(dy, into: dO, pass)
        RowMoves.clear(dKeyValue, on: pool)
        attention.backward(
            dO, q, keys(keyValue), values(keyValue), o: o, normalizers: r.normalizers, spans: rows.spans,
            groups: rows.groups, dq: dq, dk: keys(dKeyValue), dv: values(dKeyValue), on: pool)

        let n = Matrix(t.normed, rows: rows.count, columns: a.width)
        let dn = Matrix(t.dNormed, rows: rows.count, columns: a.width)
        rotary.backward(dq, heads: a.heads, positions: rows.outputPositions, on: pool)
        rotary.backward(dKeyValue, heads: a.keyHeads, positions: rows.positions, on: pool)
        p.attentionNorm.restore(x, into: n, reciprocal: r.attentionReciprocal, pass)
        p.keyValue.backward(dKeyValue, input: n, gradients: g, pass)
        p.keyValue.backward(dKeyValue, into: dn, pass)
        p.query.backward(dq, input: outputRows(of: n, rows, t), gradients: g, pass)
        addInputOfQueries(dq, into: dn, rows, t, pass)
        let dx = spread(dy, over: d, rows, t)
        p.attentionNorm.backward(dn, input: x, into: dx, reciprocal: r.attentionReciprocal, gradients: g, pass)
    }

    // MARK: - Views of the record

    private func query(_ r: Record, _ rows: Rows) -> Matrix {
        Matrix(r.query, rows: rows.outputCount, columns: architecture.queryWidth)
    }

    private func attended(_ r: Record, _ rows: Rows) -> Matrix {
        Matrix(r.attended, rows: rows.outputCount, columns: architecture.queryWidth)
    }

    private func middle(_ r: Record, _ rows: Rows) -> Matrix {
        Matrix(r.middle, rows: rows.outputCount, columns: architecture.width)
    }

    private func gateUp(_ r: Record, _ rows: Rows) -> Matrix {
        Matrix(r.gateUp, rows: rows.outputCount, columns: 2 * architecture.feedForward)
    }

    private func keys(_ keyValue: Matrix) -> Matrix { keyValue.columns(0..<architecture.keyWidth) }

    private func values(_ keyValue: Matrix) -> Matrix {
        keyValue.columns(architecture.keyWidth..<2 * architecture.keyWidth)
    }

    // MARK: - Output rows: in the last block they are gathered and scattered, in the others all rows are

    private func outputRows(of n: Matrix, _ rows: Rows, _ t: Workspace.Transient) -> Matrix {
        guard let outputs = rows.outputs else { return n }
        let gathered = Matrix(t.outputNormed, rows: rows.outputCount, columns: n.columns)
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
    private func addInputOfQueries(_ dq: Matrix, into dn: Matrix, _ rows: Rows, _ t: Workspace.Transient, _ pass: Pass)
    {
        guard let outputs = rows.outputs else { return parameters.query.backward(dq, into: dn, adding: true, pass) }
        let d = Matrix(t.dOutput, rows: rows.outputCount, columns: dn.columns)
        parameters.query.backward(dq, into: d, pass)
        RowMoves.scatterAdd(d, outputs, into: dn, on: pool)
    }

    /// dy [A, D] as dx [T, D] in the same memory, zero at rows that don't come out.
    private func spread(
        _ dy: Matrix, over d: UnsafeMutablePointer<Float>, _ rows: Rows, _ t: Workspace.Transient
    ) -> Matrix {
        guard let outputs = rows.outputs else { return dy }
        let kept = Matrix(t.dOutput, rows: rows.outputCount, columns: dy.columns)
        let dx = Matrix(d, rows: rows.count, columns: dy.columns)
        RowMoves.copy(dy, into: kept, on: pool)
        RowMoves.clear(dx, on: pool)
        RowMoves.scatterAdd(kept, outputs, into: dx, on: pool)
        return dx
    }
}
