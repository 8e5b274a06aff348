import Kernels

/// A linear map y = x Wᵀ + b with what adapters add to it, known by its parameters' places. Matrices that multiply the same
/// rows (k and v, gate and up) are one projection.
///
/// Of a micro-batch's two backward passes the one to the input comes first: it leaves the adapters' derivatives for the
/// other.
struct Projection: Sendable {
    /// W [N, K] and b [N]
    let weight: Place
    let bias: Place?
    /// N and K
    let outputs: Int
    let inputs: Int
    var adapters: [Adapter] = []

    /// First column in `LowRankSpace.z`, where adapters have magnitudes.
    var wide = 0

    private var hasMagnitudes: Bool { adapters.first?.magnitude != nil }

    /// y = x Wᵀ + b, or y += …
    func forward(_ x: Matrix, into y: Matrix, adding: Bool = false, _ pass: Pass) {
        let bias = bias.map { pass.values.vector($0) }
        if hasMagnitudes {
            record(x, pass)
            return Magnitude.forward(
                pass.low.z(self, rows: x.rows), factors: pass.low.factors(self), bias: bias, into: y, adding: adding,
                on: pass.pool)
        }
        multiply(x, bias: bias, into: y, adding: adding, pass)
        for adapter in adapters { adapter.forward(x, into: y, pass) }
    }

    /// What `forward` leaves for the backward pass, without y.
    func record(_ x: Matrix, _ pass: Pass) {
        guard hasMagnitudes, case .frozen(let number) = weight else {
            for adapter in adapters { adapter.record(x, pass) }
            return
        }
        let z = pass.low.z(self, rows: x.rows)
        let (factors, reciprocals) = (pass.low.factors(self), pass.low.reciprocals(self))
        factors.update(repeating: 1, count: outputs)
        multiply(x, bias: nil, into: z, adding: false, pass)
        for adapter in adapters {
            adapter.fillFactors(pass.values.matrices[number], factors, reciprocals, pass)
            adapter.forward(x, into: z, pass)
        }
    }

    private func multiply(_ x: Matrix, bias: UnsafePointer<Float>?, into y: Matrix, adding: Bool, _ pass: Pass) {
        switch weight {
        case .trained(let start):
            Linear.forward(
                x, weight: matrix(pass.values.trained + start), bias: bias, into: y, adding: adding, on: pass.pool)
        case .frozen(let number):
            Linear.forward(
                x, weight: pass.values.matrices[number], bias: bias, into: y, adding: adding, on: pass.pool)
        }
    }

    /// dx = dy W, or dx += dy W
    func backward(_ dy: Matrix, into dx: Matrix, adding: Bool = false, _ pass: Pass) {
        if hasMagnitudes {
            Magnitude.backward(
                dy, factors: pass.low.factors(self), into: pass.low.dz(self, rows: dy.rows), on: pass.pool)
        }
        let dz = scaled(dy, pass)
        switch weight {
        case .trained(let start):
            Linear.backwardInput(
                dz, weight: matrix(pass.values.trained + start), into: dx, adding: adding, on: pass.pool)
        case .frozen(let number):
            Linear.backwardInput(dz, weight: pass.values.matrices[number], into: dx, adding: adding, on: pass.pool)
        }
        for adapter in adapters { adapter.backward(dz, into: dx, pass) }
    }

    /// dW += dyᵀ x, db += Σ dy, and the adapters' gradients
    func backward(_ dy: Matrix, input x: Matrix, gradients: UnsafeMutablePointer<Float>, _ pass: Pass) {
        if let dWeight = weight.gradient(in: gradients) {
            Linear.backwardWeight(dy, x, into: matrix(dWeight), on: pass.pool)
        }
        if let dBias = bias?.gradient(in: gradients) { Linear.backwardBias(dy, into: dBias, on: pass.pool) }
        let dz = scaled(dy, pass)
        for adapter in adapters {
            adapter.backward(dz, input: x, gradients: gradients, pass)
            adapter.backward(
                dy, pass.low.z(self, rows: dy.rows), reciprocals: pass.low.reciprocals(self), gradients: gradients, pass
            )
        }
    }

    /// The derivative by what magnitudes multiply; dy itself where there are none.
    private func scaled(_ dy: Matrix, _ pass: Pass) -> Matrix {
        hasMagnitudes ? pass.low.dz(self, rows: dy.rows) : dy
    }

    private func matrix(_ base: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(base, rows: outputs, columns: inputs)
    }
}
