import CVector

/// One optimizer update of a run of parameters, in torch's order of operations.
public enum Update {
    private static let parametersPerItem = 1 << 15

    /// AdamW (arXiv 1711.05101) as `torch.optim.AdamW`: decoupled decay, then
    /// m = β₁ m + (1 − β₁) g, v = β₂ v + (1 − β₂) g², w −= η / (1 − β₁ˢ) · m / (√v / √(1 − β₂ˢ) + ε).
    public static func adamW(
        _ values: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
        first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, count: Int,
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, decay: Double, step: Int, on pool: ThreadPool
    ) {
        let keep = Float(1 - rate * decay)
        let (b1, b2) = (Float(1 - beta1), Float(beta2))
        let c2 = Float(1 - beta2)
        let stepSize = Float(rate / (1 - power(beta1, step)))
        let correction = Float((1 - power(beta2, step)).squareRoot())
        let epsilon = Float(epsilon)
        eachVector(count, on: pool) { load, store in
            let g = load(gradients)
            var m = load(first)
            m = m.addingProduct(g - m, Vector(repeating: b1))
            let v = (load(second) * b2).addingProduct(g * c2, g)
            let denominator = prefopt_square_root(v) / correction + epsilon
            store((load(values) * keep).addingProduct(m / denominator, Vector(repeating: -stepSize)), values)
            store(m, first)
            store(v, second)
        }
    }

    /// RMSprop as `torch.optim.RMSprop`, the DPO paper's choice: g += λ w, v = α v + (1 − α) g², w −= η g / (√v + ε).
    public static func rmsProp(
        _ values: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
        second: UnsafeMutablePointer<Float>, count: Int,
        rate: Double, alpha: Double, epsilon: Double, decay: Double, on pool: ThreadPool
    ) {
        let (a, c) = (Float(alpha), Float(1 - alpha))
        let epsilon = Float(epsilon)
        eachVector(count, on: pool) { load, store in
            let w = load(values)
            let g = load(gradients).addingProduct(w, Vector(repeating: Float(decay)))
            let v = (load(second) * a).addingProduct(g * c, g)
            store(w.addingProduct(g / (prefopt_square_root(v) + epsilon), Vector(repeating: -Float(rate))), values)
            store(v, second)
        }
    }

    /// Plain gradient descent as `torch.optim.SGD`: w −= η (g + λ w).
    public static func sgd(
        _ values: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, count: Int,
        rate: Double, decay: Double, on pool: ThreadPool
    ) {
        eachVector(count, on: pool) { load, store in
            let w = load(values)
            let g = load(gradients).addingProduct(w, Vector(repeating: Float(decay)))
            store(w.addingProduct(g, Vector(repeating: -Float(rate))), values)
        }
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

    /// Calls `body` for every group of up to eight parameters with a way to load and to store that group of an array.
    @inline(__always)
    private static func eachVector(
        _ count: Int, on pool: ThreadPool,
        _ body: ((UnsafePointer<Float>) -> Vector, (Vector, UnsafeMutablePointer<Float>) -> Void) -> Void
    ) {
        pool.chunks(of: count, size: parametersPerItem) { range in
            var i = range.lowerBound
            while i + 8 <= range.upperBound {
                body({ Vector(from: $0 + i) }, { $0.store(to: $1 + i) })
                i += 8
            }
            let rest = range.upperBound - i
            if rest > 0 { body({ Vector(tail: $0 + i, count: rest) }, { $0.store(tail: $1 + i, count: rest) }) }
        }
    }
}
