import Kernels

/// What LoRA adds to the outputs of one matrix: y += s · drop(x) Aᵀ Bᵀ.
struct Adapter: Sendable {
    /// r
    let rank: Int
    /// s
    let scale: Float
    /// N and K
    let outputs: Int
    let inputs: Int
    /// First elements of Aᵀ [K, r] and of B [N, r] in the trained vector.
    package let down: Int
    let up: Int
    /// First element of DoRA's m [N], if there is one.
    let magnitude: Int?
    /// First column in `LowRankSpace.u`.
    let low: Int
    /// The module's number: no two drop the same elements.
    let module: Int

    /// u = s · drop(x) Aᵀ, which the backward pass needs; what is to be added to y.
    func forward(_ x: Matrix, _ pass: Pass) -> LowRank.Term {
        let u = pass.low.u(self, rows: x.rows)
        LowRank.reduce(
            dropped(x, pass), down: downMatrix(pass.values.trained), scale: scale, into: u, on: pass.pool)
        return LowRank.Term(low: u, factor: upMatrix(pass.values.trained))
    }

    /// du = s · dy B, which the weights' gradients need; what is to be added to the derivative by drop(x).
    func backward(_ dy: Matrix, _ pass: Pass) -> LowRank.Term {
        let du = pass.low.du(self, rows: dy.rows)
        LowRank.backward(dy, up: upMatrix(pass.values.trained), scale: scale, into: du, on: pass.pool)
        return LowRank.Term(low: du, factor: downMatrix(pass.values.trained))
    }

    /// dx += drop(the term)
    func addDropped(_ term: LowRank.Term, into dx: Matrix, _ pass: Pass) {
        let d = Matrix(pass.low.dropped, rows: dx.rows, columns: inputs)
        LowRank.expand(term, into: d, on: pass.pool)
        pass.low.dropout?.apply(to: d, module: module, addingTo: dx, on: pass.pool)
    }

    /// dB += …, dAᵀ += …
    func backward(_ dy: Matrix, input x: Matrix, gradients: UnsafeMutablePointer<Float>, _ pass: Pass) {
        LowRank.backwardWeights(
            dy, u: pass.low.u(self, rows: x.rows), into: upMatrix(gradients), dropped(x, pass),
            du: pass.low.du(self, rows: x.rows), into: downMatrix(gradients), on: pass.pool)
    }

    /// dm += …
    func backward(
        _ dy: Matrix, _ z: Matrix, reciprocals: UnsafePointer<Float>, gradients: UnsafeMutablePointer<Float>,
        _ pass: Pass
    ) {
        guard let magnitude else { return }
        Magnitude.backward(dy, z, reciprocals: reciprocals, into: gradients + magnitude, on: pass.pool)
    }

    /// DoRA's factors c, and the reciprocal norms.
    func fillFactors(
        _ weight: StoredMatrix, _ factors: UnsafeMutablePointer<Float>, _ reciprocals: UnsafeMutablePointer<Float>,
        _ pass: Pass
    ) {
        guard let magnitude else { return }
        let values = pass.values.trained
        Magnitude.reciprocalNorms(
            weight, down: downMatrix(values), up: upMatrix(values), scale: scale,
            scratch: pass.low.normScratch, into: reciprocals, on: pass.pool)
        for row in 0..<outputs { factors[row] = values[magnitude + row] * reciprocals[row] }
    }

    /// drop(x): x itself without dropout.
    private func dropped(_ x: Matrix, _ pass: Pass) -> Matrix {
        guard let dropout = pass.low.dropout else { return x }
        let copy = Matrix(pass.low.dropped, rows: x.rows, columns: x.columns)
        dropout.copy(x, module: module, into: copy, on: pass.pool)
        return copy
    }

    /// The part of it that belongs to some of the outputs, with columns of u of its own.
    func rows(_ range: Range<Int>, low: Int) -> Adapter {
        Adapter(
            rank: rank, scale: scale, outputs: range.count, inputs: inputs, down: down,
            up: up + range.lowerBound * rank, magnitude: magnitude.map { $0 + range.lowerBound }, low: low,
            module: module)
    }

    private func downMatrix(_ vector: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(vector + down, rows: inputs, columns: rank)
    }

    private func upMatrix(_ vector: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(vector + up, rows: outputs, columns: rank)
    }
}
