import Kernels

/// y += f(x Wgᵀ) ∘ (x Wuᵀ) Wdᵀ of a block's output rows, or without the gate f(x Wuᵀ) Wdᵀ, with norms before and after it
/// where a model has them.
struct FeedForward {
    let norm: Normalization?
    /// The gate's columns, then those that it gates; or those of a network without a gate.
    let gateUp: Projection
    let nonlinearity: Nonlinearity
    let isGated: Bool
    let down: Projection
    let afterNorm: Normalization?

    /// y [A, D] += feedForward(x [A, D])
    func forward(_ x: Matrix, addingTo y: Matrix, _ pass: LayerPass) {
        let (hidden, activation, r) = (pass.hidden, pass.activation, pass.record)
        let n = norm.forward(x, into: pass.outputNormed, r.feedForwardNorm, pass)
        gateUp.forward(n, into: hidden, pass)
        // What comes after is recorded only where a norm or an adapter reads it.
        let endsHere = pass.recordsOnly && afterNorm == nil
        if endsHere, !down.isAdapted { return }
        if isGated {
            GatedActivation.forward(hidden, nonlinearity, into: activation, on: pass.pool)
        } else {
            PlainActivation.forward(hidden, nonlinearity, into: activation, on: pass.pool)
        }
        if endsHere { return down.record(activation, pass) }
        afterNorm.add(down, of: activation, to: y, r.feedForwardAfterNorm, pass)
    }

    /// dx += the derivative by x. Uses up the record's `hidden`.
    func backward(_ dy: Matrix, input x: Matrix, addingTo dx: Matrix, _ pass: LayerPass) {
        let (hidden, activation, r) = (pass.hidden, pass.activation, pass.record)
        let dOutput = afterNorm.addBackward(dy, r.feedForwardAfterNorm, pass)
        down.backward(dOutput, into: activation, pass)
        // Of derivatives and recorded values both become the other's: `hidden` its derivative, `activation` itself.
        if isGated {
            GatedActivation.backward(gateUp: hidden, nonlinearity, activation: activation, on: pass.pool)
        } else {
            PlainActivation.backward(hidden: hidden, nonlinearity, activation: activation, on: pass.pool)
        }
        down.backward(dOutput, input: activation, pass)
        let n = norm.restore(x, into: pass.outputNormed, r.feedForwardNorm, pass)
        let dn = norm == nil ? dx : pass.dOutputNormed
        gateUp.backward(hidden, into: dn, adding: norm == nil, pass)
        gateUp.backward(hidden, input: n, pass)
        norm.backward(dn, input: x, into: dx, r.feedForwardNorm, pass)
    }
}
