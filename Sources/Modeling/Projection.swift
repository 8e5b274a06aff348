import Kernels

/// The vectors that one pass reads and adds into, and the threads it runs on.
struct Pass {
    let weights: UnsafeMutablePointer<Float>
    let pool: ThreadPool
}

/// A linear map y = x Wᵀ + b, known by its place in the parameter vector. Adjacent matrices of the vector that multiply the
/// same rows (k and v, gate and up) are one projection.
struct Projection: Sendable {
    /// First elements of W [N, K] and b [N].
    let weight: Int
    let bias: Int?
    /// N and K
    let outputs: Int
    let inputs: Int

    /// y = x Wᵀ + b, or y += …
    func forward(_ x: Matrix, into y: Matrix, adding: Bool = false, _ pass: Pass) {
        Linear.forward(
            x, weight: matrix(pass.weights), bias: bias.map { UnsafePointer(pass.weights + $0) }, into: y,
            adding: adding,
            on: pass.pool)
    }

    /// dx = dy W, or dx += …
    func backward(_ dy: Matrix, into dx: Matrix, adding: Bool = false, _ pass: Pass) {
        Linear.backwardInput(dy, weight: matrix(pass.weights), into: dx, adding: adding, on: pass.pool)
    }

    /// dW += dyᵀ x and db += Σ dy
    func backward(_ dy: Matrix, input x: Matrix, gradients: UnsafeMutablePointer<Float>, _ pass: Pass) {
        Linear.backwardWeight(dy, x, into: matrix(gradients), on: pass.pool)
        if let bias { Linear.backwardBias(dy, into: gradients + bias, on: pass.pool) }
    }

    private func matrix(_ base: UnsafeMutablePointer<Float>) -> Matrix {
        Matrix(base + weight, rows: outputs, columns: inputs)
    }
}

/// A root-mean-square norm, known by its weight's place in the parameter vector.
struct Normalization: Sendable {
    let weight: Int
    let epsilon: Float

    func forward(_ x: Matrix, into y: Matrix, reciprocal: UnsafeMutablePointer<Float>, _ pass: Pass) {
        RMSNorm.forward(
            x, weight: pass.weights + weight, epsilon: epsilon, into: y, reciprocal: reciprocal, on: pass.pool)
    }

    /// y of `forward` once more.
    func restore(_ x: Matrix, into y: Matrix, reciprocal: UnsafeMutablePointer<Float>, _ pass: Pass) {
        RMSNorm.restore(x, weight: pass.weights + weight, reciprocal: reciprocal, into: y, on: pass.pool)
    }

    /// dx += …, and the weight's gradient.
    func backward(
        _ dy: Matrix, input x: Matrix, into dx: Matrix, reciprocal: UnsafeMutablePointer<Float>,
        gradients: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        RMSNorm.backward(
            dy, x, weight: pass.weights + weight, reciprocal: reciprocal, into: dx, dWeight: gradients + weight,
            on: pass.pool)
    }
}
