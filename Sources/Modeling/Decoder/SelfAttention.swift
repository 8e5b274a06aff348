import Kernels

/// y += softmax(q kᵀ) v Wᵀ of a block's rows, with norms before and after it and of queries and keys where a model has
/// them.
struct SelfAttention {
    let norm: Normalization?
    let query: Projection
    /// Keys' columns, then values'.
    let keyValue: Projection
    let queryNorm: Normalization?
    let keyNorm: Normalization?
    let output: Projection
    let afterNorm: Normalization?

    /// y [A, D] += attention(x [T, D])
    func forward(_ x: Matrix, addingTo y: Matrix, _ pass: LayerPass) {
        let (q, kv, o, r) = (pass.query, pass.keyValue, pass.attended, pass.record)
        let n = norm.forward(x, into: pass.normed, r.attentionNorm, pass)
        if pass.rows.outputs == nil {
            Projection.forward(n, keyValue, into: kv, query, into: q, pass)
        } else {
            keyValue.forward(n, into: kv, pass)
            query.forward(pass.outputs(of: n), into: q, pass)
        }
        queryNorm.forwardInPlace(q, r.queryNorm, pass)
        keyNorm.forwardInPlace(pass.keys(kv), r.keyNorm, pass)
        pass.rotate(q, kv)
        pass.attend(q, kv, into: o)
        afterNorm.add(output, of: o, to: y, r.attentionAfterNorm, pass)
    }

    /// Turns `d` from dy [A, D] into dx [T, D], in place.
    ///
    /// - Parameter dMiddle: joins dy after attention has read it: what a feed-forward network beside it gives back.
    func backward(_ d: UnsafeMutablePointer<Float>, input x: Matrix, adding dMiddle: Matrix?, _ pass: LayerPass) {
        let (dq, dkv, dO, r) = (pass.dQuery, pass.dKeyValue, pass.dAttended, pass.record)
        let dy = pass.rows.outputMatrix(d, x.columns)
        let dOutput = afterNorm.addBackward(dy, r.attentionAfterNorm, pass)
        output.backward(dOutput, into: dO, pass)
        output.backward(dOutput, input: pass.attended, pass)
        if let dMiddle { RowMoves.add(dMiddle, into: dy, on: pass.pool) }
        pass.attendBackward(dO, into: dq, dkv)
        pass.rotateBackward(dq, dkv)
        keyNorm.backwardInPlace(pass.keys(dkv), by: pass.dPlainKeys, r.keyNorm, pass)
        // dO is used up.
        queryNorm.backwardInPlace(dq, by: dO, r.queryNorm, pass)

        let n = norm.restore(x, into: pass.normed, r.attentionNorm, pass)
        let dx = pass.spread(dy, over: d)
        let dn = norm == nil ? dx : pass.dNormed
        keyValue.backward(dkv, into: dn, adding: norm == nil, pass)
        addInputOfQueries(dq, into: dn, pass)
        keyValue.backward(dkv, input: n, pass)
        query.backward(dq, input: pass.outputs(of: n), pass)
        norm.backward(dn, input: x, into: dx, r.attentionNorm, pass)
    }

    /// dn += dq W, at the output rows.
    private func addInputOfQueries(_ dq: Matrix, into dn: Matrix, _ pass: LayerPass) {
        guard let outputs = pass.rows.outputs else { return query.backward(dq, into: dn, adding: true, pass) }
        let d = pass.rows.outputMatrix(pass.scratch.dOutputRows, dn.columns)
        query.backward(dq, into: d, pass)
        RowMoves.scatterAdd(d, outputs, into: dn, on: pass.pool)
    }
}
