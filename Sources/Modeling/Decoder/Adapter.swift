import Kernels

/// LoRA's addition to the outputs of one matrix: y += s · drop(x) Aᵀ Bᵀ; or, of several objectives with weights for
/// each row, y += s · drop(x) (Σ_k w_k A_kᵀ B_kᵀ + A_sᵀ B_sᵀ), with the A_k one below the other in A and the B_k side
/// by side in B.
struct Adapter: Sendable {
    let parameters: AdapterParameters
    /// First column in `LowRankSpace.u`.
    let low: Int

    init(_ parameters: AdapterParameters, low: Int) { (self.parameters, self.low) = (parameters, low) }

    var rank: Int { parameters.rank }
    private var scale: Float { parameters.scale }

    /// u = s · drop(x) Aᵀ, each objective's part times its row's weight, which the backward pass needs; what is to be added
    /// to y.
    func forward(_ x: Matrix, _ pass: LayerPass) -> LowRank.Term {
        let u = pass.low.u(self, rows: x.rows)
        LowRank.reduce(
            dropped(x, pass), down: downMatrix(pass.values.trained), scale: scale, into: u, on: pass.pool)
        pass.low.weights?.multiply(u, on: pass.pool)
        return LowRank.Term(low: u, factor: upMatrix(pass.values.trained))
    }

    /// du = s · dy B, weighted alike, which the weights' gradients need; what is to be added to the derivative by drop(x).
    func backward(_ dy: Matrix, _ pass: LayerPass) -> LowRank.Term {
        let du = pass.low.du(self, rows: dy.rows)
        LowRank.backward(dy, up: upMatrix(pass.values.trained), scale: scale, into: du, on: pass.pool)
        pass.low.weights?.multiply(du, on: pass.pool)
        return LowRank.Term(low: du, factor: downMatrix(pass.values.trained))
    }

    /// dx += drop(the term)
    func addDropped(_ term: LowRank.Term, into dx: Matrix, _ pass: LayerPass) {
        let d = Matrix(pass.low.dropped, rows: dx.rows, columns: parameters.inputs)
        LowRank.expand(term, into: d, on: pass.pool)
        pass.low.dropout?.apply(to: d, module: parameters.module, addingTo: dx, on: pass.pool)
    }

    /// dB += …, dAᵀ += …
    func backward(_ dy: Matrix, input x: Matrix, gradients: UnsafeMutablePointer<Float>, _ pass: LayerPass) {
        LowRank.backwardWeights(
            dy, u: pass.low.u(self, rows: x.rows), into: upMatrix(gradients), dropped(x, pass),
            du: pass.low.du(self, rows: x.rows), into: downMatrix(gradients), on: pass.pool)
    }

    /// dm += …
    func backward(
        _ dy: Matrix, _ z: Matrix, reciprocals: UnsafePointer<Float>, gradients: UnsafeMutablePointer<Float>,
        _ pass: LayerPass
    ) {
        guard let magnitude = parameters.magnitude else { return }
        Magnitude.backward(dy, z, reciprocals: reciprocals, into: gradients + magnitude, on: pass.pool)
    }

    /// DoRA's factors c, and the reciprocal norms.
    func fillFactors(
        _ weight: StoredMatrix, _ factors: UnsafeMutablePointer<Float>, _ reciprocals: UnsafeMutablePointer<Float>,
        _ pass: LayerPass
    ) {
        guard let magnitude = parameters.magnitude else { return }
        let values = pass.values.trained
        Magnitude.reciprocalNorms(
            weight, down: downMatrix(values), up: upMatrix(values), scale: scale,
            scratch: pass.low.normScratch, into: reciprocals, on: pass.pool)
        for row in 0..<parameters.outputs { factors[row] = values[magnitude + row] * reciprocals[row] }
    }

    /// drop(x): x itself without dropout.
    private func dropped(_ x: Matrix, _ pass: LayerPass) -> Matrix {
        guard let dropout = pass.low.dropout else { return x }
        let copy = Matrix(pass.low.dropped, rows: x.rows, columns: x.columns)
        dropout.copy(x, module: parameters.module, into: copy, on: pass.pool)
        return copy
    }

    private func downMatrix(_ vector: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(vector + parameters.down, rows: parameters.inputs, columns: rank)
    }

    private func upMatrix(_ vector: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(vector + parameters.up, rows: parameters.outputs, columns: rank)
    }
}
