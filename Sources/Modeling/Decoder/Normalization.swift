import Kernels

/// A norm, known by its parameters' places.
struct Normalization: Sendable {
    private let kind: Architecture.Norm
    private let weight: Place
    /// Of a layer norm.
    private let bias: Place?
    private let epsilon: Float
    /// Equal parts into which a row is cut, each normalised alone with the same weights.
    private let parts: Int

    init(_ a: Architecture, _ parameters: NormParameters, parts: Int = 1) {
        (kind, epsilon) = (a.norm, a.normEpsilon)
        (weight, bias) = (parameters.weight, parameters.bias)
        self.parts = parts
    }

    /// The number of values that the backward pass needs of every row and part.
    static func statistics(_ kind: Architecture.Norm) -> Int { kind == .layer ? 2 : 1 }

    private var offset: Float { kind == .rmsAroundOne ? 1 : 0 }

    /// - Parameter statistics: [T, parts · `Normalization.statistics`]
    func forward(
        _ x: Matrix, into y: Matrix, statistics: UnsafeMutablePointer<Float>, _ values: Values, on pool: ThreadPool
    ) {
        if let bias {
            LayerNorm.forward(
                x, weight: values.vector(weight), bias: values.vector(bias), epsilon: epsilon, into: y,
                statistics: statistics, on: pool)
        } else {
            RMSNorm.forward(
                x, parts: parts, weight: values.vector(weight), offset: offset, epsilon: epsilon, into: y,
                reciprocal: statistics, on: pool)
        }
    }

    /// y of `forward` once more.
    func restore(
        _ x: Matrix, into y: Matrix, statistics: UnsafeMutablePointer<Float>, _ values: Values, on pool: ThreadPool
    ) {
        if let bias {
            LayerNorm.restore(
                x, weight: values.vector(weight), bias: values.vector(bias), statistics: statistics, into: y,
                on: pool)
        } else {
            RMSNorm.restore(
                x, parts: parts, weight: values.vector(weight), offset: offset, reciprocal: statistics, into: y,
                on: pool)
        }
    }

    /// dx += …, and the parameters' gradients.
    func backward(
        _ dy: Matrix, input x: Matrix, into dx: Matrix, statistics: UnsafeMutablePointer<Float>,
        gradients: UnsafeMutablePointer<Float>?, _ values: Values, on pool: ThreadPool
    ) {
        if let bias {
            LayerNorm.backward(
                dy, x, weight: values.vector(weight), statistics: statistics, into: dx,
                dWeight: weight.gradient(in: gradients),
                dBias: bias.gradient(in: gradients), on: pool)
        } else {
            RMSNorm.backward(
                dy, x, parts: parts, weight: values.vector(weight), offset: offset, reciprocal: statistics, into: dx,
                dWeight: weight.gradient(in: gradients), on: pool)
        }
    }
}
