import Kernels

/// A norm, known by its parameters' places in the vector.
struct Normalization: Sendable {
    let kind: Architecture.Norm
    let weight: Int
    /// Of a layer norm.
    let bias: Int?
    let epsilon: Float
    /// Into how many equal parts a row is cut, each normalised alone with the same weights.
    let parts: Int

    /// What the backward pass needs of every row and part.
    static func statistics(_ kind: Architecture.Norm) -> Int { kind == .layer ? 2 : 1 }

    private var offset: Float { kind == .rmsAroundOne ? 1 : 0 }

    /// - Parameter statistics: [T, parts · `Normalization.statistics`]
    func forward(_ x: Matrix, into y: Matrix, statistics: UnsafeMutablePointer<Float>, _ pass: Pass) {
        if let bias {
            LayerNorm.forward(
                x, weight: pass.weights + weight, bias: pass.weights + bias, epsilon: epsilon, into: y,
                statistics: statistics, on: pass.pool)
        } else {
            RMSNorm.forward(
                x, parts: parts, weight: pass.weights + weight, offset: offset, epsilon: epsilon, into: y,
                reciprocal: statistics, on: pass.pool)
        }
    }

    /// y of `forward` once more.
    func restore(_ x: Matrix, into y: Matrix, statistics: UnsafeMutablePointer<Float>, _ pass: Pass) {
        if let bias {
            LayerNorm.restore(
                x, weight: pass.weights + weight, bias: pass.weights + bias, statistics: statistics, into: y,
                on: pass.pool)
        } else {
            RMSNorm.restore(
                x, parts: parts, weight: pass.weights + weight, offset: offset, reciprocal: statistics, into: y,
                on: pass.pool)
        }
    }

    /// dx += …, and the parameters' gradients.
    func backward(
        _ dy: Matrix, input x: Matrix, into dx: Matrix, statistics: UnsafeMutablePointer<Float>,
        gradients: UnsafeMutablePointer<Float>, _ pass: Pass
    ) {
        if let bias {
            LayerNorm.backward(
                dy, x, weight: pass.weights + weight, statistics: statistics, into: dx, dWeight: gradients + weight,
                dBias: gradients + bias, on: pass.pool)
        } else {
            RMSNorm.backward(
                dy, x, parts: parts, weight: pass.weights + weight, offset: offset, reciprocal: statistics, into: dx,
                dWeight: gradients + weight, on: pass.pool)
        }
    }
}
