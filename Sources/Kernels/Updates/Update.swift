import CVector

/// One optimizer update of a run of parameters, in torch's order of operations.
///
/// Each rule reads the gradients times `factor` (of clipping) and leaves zeros in their place: the one pass over memory
/// that an update is serves the next step too.
package enum Update {
    private static let parametersPerItem = 1 << 15

    /// AdamW (arXiv 1711.05101) as `torch.optim.AdamW`: decoupled decay, then
    /// m = β₁ m + (1 − β₁) g, v = β₂ v + (1 − β₂) g², w −= η / (1 − β₁ˢ) · m / (√v / √(1 − β₂ˢ) + ε).
    package static func adamW(
        _ values: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>, factor: Float,
        first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, count: Int,
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, decay: Double, step: Int, on pool: ThreadPool
    ) {
        let rule = AdamWStep(rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, decay: decay, step: step)
        pool.chunks(of: count, size: parametersPerItem) { range in
            var cursor = VectorCursor(range)
            while let i = cursor.next() {
                var (m, v) = (i.load(first), i.load(second))
                i.store(rule.apply(i.load(values), i.load(gradients) * factor, &m, &v), values)
                i.store(m, first)
                i.store(v, second)
                i.store(.zero, gradients)
            }
        }
    }

    /// RMSprop as `torch.optim.RMSprop`, the DPO paper's choice: g += λ w, v = α v + (1 − α) g², w −= η g / (√v + ε).
    package static func rmsProp(
        _ values: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>, factor: Float,
        second: UnsafeMutablePointer<Float>, count: Int,
        rate: Double, alpha: Double, epsilon: Double, decay: Double, on pool: ThreadPool
    ) {
        let (a, c) = (Float(alpha), Float(1 - alpha))
        let epsilon = Float(epsilon)
        let (decay, rate) = (Vector(repeating: Float(decay)), Vector(repeating: -Float(rate)))
        pool.chunks(of: count, size: parametersPerItem) { range in
            var cursor = VectorCursor(range)
            while let i = cursor.next() {
                let w = i.load(values)
                let g = (i.load(gradients) * factor).addingProduct(w, decay)
                let v = (i.load(second) * a).addingProduct(g * c, g)
                i.store(w.addingProduct(g / (prefopt_square_root(v) + epsilon), rate), values)
                i.store(v, second)
                i.store(.zero, gradients)
            }
        }
    }

    /// Plain gradient descent as `torch.optim.SGD`: w −= η (g + λ w).
    package static func sgd(
        _ values: UnsafeMutablePointer<Float>, gradients: UnsafeMutablePointer<Float>, factor: Float, count: Int,
        rate: Double, decay: Double, on pool: ThreadPool
    ) {
        let (decay, rate) = (Vector(repeating: Float(decay)), Vector(repeating: -Float(rate)))
        pool.chunks(of: count, size: parametersPerItem) { range in
            var cursor = VectorCursor(range)
            while let i = cursor.next() {
                let w = i.load(values)
                let g = (i.load(gradients) * factor).addingProduct(w, decay)
                i.store(w.addingProduct(g, rate), values)
                i.store(.zero, gradients)
            }
        }
    }

}

/// The constants of an AdamW update, and the update of eight parameters.
struct AdamWStep {
    private let keep: Float
    private let (b1, stepSize): (Vector, Vector)
    private let (b2, c2, correction, epsilon): (Float, Float, Float, Float)

    init(rate: Double, beta1: Double, beta2: Double, epsilon: Double, decay: Double, step: Int) {
        keep = Float(1 - rate * decay)
        (b1, b2) = (Vector(repeating: Float(1 - beta1)), Float(beta2))
        c2 = Float(1 - beta2)
        stepSize = Vector(repeating: -Float(rate / (1 - AdamWStep.power(beta1, step))))
        correction = Float((1 - AdamWStep.power(beta2, step)).squareRoot())
        self.epsilon = Float(epsilon)
    }

    /// The new parameters; m and v become the new moments.
    @inline(__always)
    func apply(_ w: Vector, _ g: Vector, _ m: inout Vector, _ v: inout Vector) -> Vector {
        m = m.addingProduct(g - m, b1)
        v = (v * b2).addingProduct(g * c2, g)
        let denominator = prefopt_square_root(v) / correction + epsilon
        return (w * keep).addingProduct(m / denominator, stepSize)
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        var (result, square, rest) = (1.0, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }
}

/// Walks over a range in groups of eight; the last may be shorter.
struct VectorCursor {
    /// Up to eight elements of any array.
    struct Group {
        let start: Int
        let count: Int

        @inline(__always)
        func load(_ array: UnsafePointer<Float>) -> Vector {
            count == 8 ? Vector(from: array + start) : Vector(tail: array + start, count: count)
        }

        @inline(__always)
        func store(_ x: Vector, _ array: UnsafeMutablePointer<Float>) {
            if count == 8 { x.store(to: array + start) } else { x.store(tail: array + start, count: count) }
        }
    }

    private var rest: Range<Int>

    init(_ range: Range<Int>) { rest = range }

    @inline(__always)
    mutating func next() -> Group? {
        guard !rest.isEmpty else { return nil }
        let group = Group(start: rest.lowerBound, count: min(8, rest.count))
        rest = rest.lowerBound + group.count..<rest.upperBound
        return group
    }
}
