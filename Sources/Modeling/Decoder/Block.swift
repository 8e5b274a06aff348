import Kernels

/// One layer of the decoder: x + attention(norm(x)), then the same with the feed-forward network; or both at once from x;
/// or with norms after them.
///
/// `forward` and `backward` mirror each other, line by line from opposite ends. Only the block's *output rows* come out:
/// all T rows, but in the last block the A rows that predict something.
struct Block {
    package let architecture: Architecture
    package let layer: Architecture.Layer
    let parameters: ParameterTable.Block
    package let pool: ThreadPool

    /// - Parameters:
    ///   - x: [T, D]
    ///   - y: [A, D]
    ///   - recordOnly: fills the record for the backward pass to come, and leaves y as anything.
    ///   - keyValue: [≥ T, 2 G · E], where keys and values of these rows are put, from row `firstKey` on; the rows before
    ///     it are earlier tokens' (a generation cache).
    func forward(
        _ x: Matrix, into y: Matrix, recordOnly: Bool = false, record r: Record, rows: Rows, keyValue: Matrix,
        firstKey: Int, attention: Attention, transient t: Workspace.Transient, _ pass: Pass
    ) {
        let middle = r.middle(rows)
        rows.copyOutputs(of: x, into: middle, on: pool)
        // What the feed-forward network reads, and what it and attention are added to.
        let stream = architecture.parallelResidual ? y : middle
        if architecture.parallelResidual { RowMoves.copy(middle, into: y, on: pool) }
        attend(
            x, addingTo: stream, r, rows, keyValue: keyValue, firstKey: firstKey, attention: attention, t, pass)
        if !architecture.parallelResidual { RowMoves.copy(middle, into: y, on: pool) }
        feedForward(middle, addingTo: y, recordOnly: recordOnly, r, rows, t, pass)
    }

    /// Adds the parameters' gradients into `gradients` and turns `d` from dy [A, D] into dx [T, D], in place. Uses up the
    /// record's `hidden`.
    func backward(
        _ d: UnsafeMutablePointer<Float>, _ x: Matrix, gradients: UnsafeMutablePointer<Float>, record r: Record,
        rows: Rows, attention: Attention, transient t: Workspace.Transient, _ pass: Pass
    ) {
        let dy = Matrix(d, rows: rows.outputCount, columns: architecture.width)
        let dMiddle = architecture.parallelResidual ? rows.outputMatrix(t.dMiddle, architecture.width) : dy
        if architecture.parallelResidual { RowMoves.clear(dMiddle, on: pool) }
        feedForwardBackward(dy, input: r.middle(rows), addingTo: dMiddle, r, rows, gradients, t, pass)
        attendBackward(dy, x, d, r, rows, gradients, attention: attention, t, pass)
    }

    // MARK: - Attention

    /// y += attention(x)
    private func attend(
        _ x: Matrix, addingTo y: Matrix, _ r: Record, _ rows: Rows, keyValue: Matrix, firstKey: Int,
        attention: Attention, _ t: Workspace.Transient, _ pass: Pass
    ) {
        let (a, p) = (architecture, parameters)
        let (q, o) = (r.query(rows), r.attended(rows))
        let fresh = keyValue.rows(firstKey..<firstKey + rows.count)
        let n = normed(x, p.attentionNorm, into: rows.matrix(t.normed, a.width), r.attentionStatistics, pass)

        p.keyValue.forward(n, into: fresh, pass)
        p.query.forward(rows.outputs(of: n, gatheredInto: t.outputNormed, on: pool), into: q, pass)
        if let norm = p.queryNorm { normInPlace(norm, q, keeping: r.plainQuery(rows), r.queryStatistics, pass) }
        if let norm = p.keyNorm { normInPlace(norm, keys(fresh), keeping: r.plainKeys(rows), r.keyStatistics, pass) }
        if layer.turns, let rotary = rows.rotary {
            rotary.forward(q, heads: a.heads, rows: rows.outputAngles, on: pool)
            rotary.forward(fresh, heads: a.keyHeads, rows: rows.angles, on: pool)
        }
        attention.forward(
            q, keys(keyValue), values(keyValue), spans: rows.spans, into: o, normalizers: r.normalizers, on: pool)
        add(
            p.output, of: o, p.attentionAfterNorm, into: y, keeping: r.attentionOutput(rows),
            r.attentionAfterStatistics, t, pass)
    }

    private func attendBackward(
        _ dy: Matrix, _ x: Matrix, _ d: UnsafeMutablePointer<Float>, _ r: Record, _ rows: Rows,
        _ g: UnsafeMutablePointer<Float>, attention: Attention, _ t: Workspace.Transient, _ pass: Pass
    ) {
        let (a, p) = (architecture, parameters)
        let (q, o) = (r.query(rows), r.attended(rows))
        let keyValue = rows.matrix(r.keyValue, 2 * a.keyWidth)
        let dO = rows.outputMatrix(t.dAttended, a.queryWidth)
        let dq = rows.outputMatrix(t.dQuery, a.queryWidth)
        let dKeyValue = rows.matrix(t.dKeyValue, 2 * a.keyWidth)

        let dOutput = beforeNorm(
            dy, p.attentionAfterNorm, r.attentionOutput(rows), r.attentionAfterStatistics, rows, g, t, pass)
        p.output.backward(dOutput, into: dO, pass)
        p.output.backward(dOutput, input: o, gradients: g, pass)
        if a.parallelResidual { RowMoves.add(rows.outputMatrix(t.dMiddle, a.width), into: dy, on: pool) }
        RowMoves.clear(dKeyValue, on: pool)
        attention.backward(
            dO, q, keys(keyValue), values(keyValue), o: o, normalizers: r.normalizers, spans: rows.spans,
            groups: rows.groups, dq: dq, dk: keys(dKeyValue), dv: values(dKeyValue), on: pool)
        if layer.turns, let rotary = rows.rotary {
            rotary.backward(dKeyValue, heads: a.keyHeads, rows: rows.angles, on: pool)
            rotary.backward(dq, heads: a.heads, rows: rows.outputAngles, on: pool)
        }
        if let norm = p.keyNorm {
            let d = rows.matrix(t.dPlainKeys, a.keyWidth)
            normBackwardInPlace(norm, keys(dKeyValue), r.plainKeys(rows), by: d, r.keyStatistics, g, pass)
        }
        // dO is used up.
        if let norm = p.queryNorm {
            normBackwardInPlace(norm, dq, r.plainQuery(rows), by: dO, r.queryStatistics, g, pass)
        }

        let n = restored(x, p.attentionNorm, into: rows.matrix(t.normed, a.width), r.attentionStatistics, pass)
        let dn: Matrix
        if p.attentionNorm != nil {
            dn = rows.matrix(t.dNormed, a.width)
            p.keyValue.backward(dKeyValue, into: dn, pass)
        } else {
            dn = rows.spread(dy, over: d, keeping: t.dOutput, on: pool)
            p.keyValue.backward(dKeyValue, into: dn, adding: true, pass)
        }
        addInputOfQueries(dq, into: dn, rows, t, pass)
        p.keyValue.backward(dKeyValue, input: n, gradients: g, pass)
        p.query.backward(dq, input: rows.outputs(of: n, gatheredInto: t.outputNormed, on: pool), gradients: g, pass)
        if let norm = p.attentionNorm {
            let dx = rows.spread(dy, over: d, keeping: t.dOutput, on: pool)
            norm.backward(
                dn, input: x, into: dx, statistics: r.attentionStatistics, gradients: g, pass.values, on: pool)
        }
    }

    /// dn += dq W, at the output rows.
    private func addInputOfQueries(_ dq: Matrix, into dn: Matrix, _ rows: Rows, _ t: Workspace.Transient, _ pass: Pass)
    {
        guard let outputs = rows.outputs else { return parameters.query.backward(dq, into: dn, adding: true, pass) }
        let d = rows.outputMatrix(t.dOutput, dn.columns)
        parameters.query.backward(dq, into: d, pass)
        RowMoves.scatterAdd(d, outputs, into: dn, on: pool)
    }

    private func keys(_ keyValue: Matrix) -> Matrix { keyValue.columns(0..<architecture.keyWidth) }

    private func values(_ keyValue: Matrix) -> Matrix {
        keyValue.columns(architecture.keyWidth..<2 * architecture.keyWidth)
    }

    // MARK: - Feed-forward network

    /// y += feedForward(x)
    private func feedForward(
        _ x: Matrix, addingTo y: Matrix, recordOnly: Bool, _ r: Record, _ rows: Rows, _ t: Workspace.Transient,
        _ pass: Pass
    ) {
        let (a, p) = (architecture, parameters)
        let hidden = r.hidden(rows)
        let activation = rows.outputMatrix(t.activation, a.feedForward)
        let m = normed(x, p.feedForwardNorm, into: rows.outputMatrix(t.normed, a.width), r.feedForwardStatistics, pass)

        p.gateUp.forward(m, into: hidden, pass)
        // What comes after is recorded only where a norm or an adapter reads it.
        let isRecorded = recordOnly && p.feedForwardAfterNorm == nil
        if isRecorded, !p.down.isAdapted { return }
        if a.gated {
            GatedActivation.forward(hidden, a.nonlinearity, into: activation, on: pool)
        } else {
            PlainActivation.forward(hidden, a.nonlinearity, into: activation, on: pool)
        }
        if isRecorded { return p.down.record(activation, pass) }
        add(
            p.down, of: activation, p.feedForwardAfterNorm, into: y, keeping: r.feedForwardOutput(rows),
            r.feedForwardAfterStatistics, t, pass)
    }

    private func feedForwardBackward(
        _ dy: Matrix, input x: Matrix, addingTo dx: Matrix, _ r: Record, _ rows: Rows,
        _ g: UnsafeMutablePointer<Float>, _ t: Workspace.Transient, _ pass: Pass
    ) {
        let (a, p) = (architecture, parameters)
        let hidden = r.hidden(rows)
        let activation = rows.outputMatrix(t.activation, a.feedForward)

        let dOutput = beforeNorm(
            dy, p.feedForwardAfterNorm, r.feedForwardOutput(rows), r.feedForwardAfterStatistics, rows, g, t, pass)
        p.down.backward(dOutput, into: activation, pass)
        if a.gated {
            GatedActivation.backward(gateUp: hidden, a.nonlinearity, activation: activation, on: pool)
        } else {
            PlainActivation.backward(hidden: hidden, a.nonlinearity, activation: activation, on: pool)
        }
        p.down.backward(dOutput, input: activation, gradients: g, pass)
        let m = restored(
            x, p.feedForwardNorm, into: rows.outputMatrix(t.normed, a.width), r.feedForwardStatistics, pass)
        let dm = p.feedForwardNorm == nil ? dx : rows.outputMatrix(t.dNormed, a.width)
        p.gateUp.backward(hidden, into: dm, adding: p.feedForwardNorm == nil, pass)
        p.gateUp.backward(hidden, input: m, gradients: g, pass)
        p.feedForwardNorm?.backward(
            dm, input: x, into: dx, statistics: r.feedForwardStatistics, gradients: g, pass.values, on: pool)
    }
}
