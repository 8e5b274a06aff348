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

    /// Some of the outputs as a projection of their own.
    func rows(_ range: Range<Int>) -> Projection {
        Projection(
            weight: weight + range.lowerBound * inputs, bias: bias.map { $0 + range.lowerBound }, outputs: range.count,
            inputs: inputs)
    }
}
