import Kernels

/// What LoRA adds to some of a projection's outputs: y += s · drop(x) Aᵀ Bᵀ.
struct Adapter: Sendable {
    /// r
    let rank: Int
    /// s
    let scale: Float
    /// The outputs of the projection that are this module's.
    let outputs: Range<Int>
    /// First elements of Aᵀ [K, r] and of B's rows for `outputs` [N, r] in the trained vector.
    let down: Int
    let up: Int
    /// First element of DoRA's m for `outputs` [N], if there is one.
    let magnitude: Int?
    /// K
    let inputs: Int
    /// First column in `LowRankSpace.u`.
    let low: Int
    /// The module's number: no two drop the same elements.
    let module: Int

    func forward(_ x: Matrix, into y: Matrix, _ pass: Pass) {
        LowRank.forward(
            dropped(x, pass), down: downMatrix(pass.values.trained), scale: scale, up: upMatrix(pass.values.trained),
            u: pass.low.u(self, rows: x.rows), into: y.columns(outputs), on: pass.pool)
    }

    func record(_ x: Matrix, _ pass: Pass) {
        LowRank.reduce(
            dropped(x, pass), down: downMatrix(pass.values.trained), scale: scale,
            into: pass.low.u(self, rows: x.rows), on: pass.pool)
    }

    /// dx += …, keeping du for the weights' gradients.
    func backward(_ dy: Matrix, into dx: Matrix, _ pass: Pass) {
        let du = pass.low.du(self, rows: dy.rows)
        let down = downMatrix(pass.values.trained)
        LowRank.backward(
            dy.columns(outputs), up: upMatrix(pass.values.trained), scale: scale, into: du, on: pass.pool)
        guard let dropout = pass.low.dropout else {
            return LowRank.backwardInput(du, down: down, into: dx, adding: true, on: pass.pool)
        }
        let d = Matrix(pass.low.dropped, rows: dx.rows, columns: inputs)
        LowRank.backwardInput(du, down: down, into: d, adding: false, on: pass.pool)
        dropout.apply(to: d, module: module, addingTo: dx, on: pass.pool)
    }

    /// dm += …
    func backward(
        _ dy: Matrix, _ z: Matrix, reciprocals: UnsafePointer<Float>, gradients: UnsafeMutablePointer<Float>,
        _ pass: Pass
    ) {
        guard let magnitude else { return }
        Magnitude.backward(
            dy.columns(outputs), z.columns(outputs), reciprocals: reciprocals + outputs.lowerBound,
            into: gradients + magnitude, on: pass.pool)
    }

    func backward(_ dy: Matrix, input x: Matrix, gradients: UnsafeMutablePointer<Float>, _ pass: Pass) {
        LowRank.backwardWeights(
            dy.columns(outputs), u: pass.low.u(self, rows: x.rows), into: upMatrix(gradients), dropped(x, pass),
            du: pass.low.du(self, rows: x.rows), into: downMatrix(gradients), on: pass.pool)
    }

    /// DoRA's factors c of `outputs`, and the reciprocal norms.
    func fillFactors(
        _ weight: StoredMatrix, _ factors: UnsafeMutablePointer<Float>, _ reciprocals: UnsafeMutablePointer<Float>,
        _ pass: Pass
    ) {
        guard let magnitude else { return }
        let values = pass.values.trained
        Magnitude.reciprocalNorms(
            weight, rows: outputs, down: downMatrix(values), up: upMatrix(values), scale: scale,
            scratch: pass.low.normScratch, into: reciprocals + outputs.lowerBound, on: pass.pool)
        for row in outputs {
            factors[row] = values[magnitude + row - outputs.lowerBound] * reciprocals[row]
        }
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
            rank: rank, scale: scale, outputs: 0..<range.count, down: down, up: up + range.lowerBound * rank,
            magnitude: magnitude.map { $0 + range.lowerBound }, inputs: inputs, low: low, module: module)
    }

    private func downMatrix(_ vector: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(vector + down, rows: inputs, columns: rank)
    }

    private func upMatrix(_ vector: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(vector + up, rows: outputs.count, columns: rank)
    }
}
