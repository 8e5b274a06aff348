/// A bound on logits that keeps their order (arXiv 2408.00118, section 2): y = cap · tanh(x / cap).
package enum SoftCap {
    /// In place.
    package static func forward(_ x: Matrix, cap: Float, on pool: ThreadPool) {
        let share = 1 / cap
        pool.run(x.rows) { (row: Int) in
            let values = x.row(row)
            for i in groups(of: x.columns) {
                ((Vector(from: values + i) * share).hyperbolicTangent * cap).store(to: values + i)
            }
            let (i, rest) = (x.columns & ~7, x.columns & 7)
            if rest > 0 {
                let value = (Vector(tail: values + i, count: rest) * share).hyperbolicTangent * cap
                value.store(tail: values + i, count: rest)
            }
        }
    }
}

extension TokenLogps {
    /// `backward` for logits that were capped: they become the gradients of the logits before the cap,
    /// d (1[j = target] − softmaxⱼ) · (1 − (yⱼ / cap)²).
    package static func backward(
        _ logits: Matrix, cap: Float, targets: UnsafePointer<Int32>, normalizers: UnsafePointer<Float>,
        gradients: UnsafePointer<Float>, on pool: ThreadPool
    ) {
        let share = 1 / cap
        pool.run(logits.rows) { (row: Int) in
            let values = logits.row(row)
            let (normalizer, gradient, target) = (normalizers[row], gradients[row], Int(targets[row]))
            let atTarget = values[target] * share
            for i in groups(of: logits.columns) {
                let y = Vector(from: values + i)
                let slope = 1 - (y * share) * (y * share)
                ((y - normalizer).exponential * slope * -gradient).store(to: values + i)
            }
            let (i, rest) = (logits.columns & ~7, logits.columns & 7)
            if rest > 0 {
                let y = Vector(tail: values + i, count: rest)
                let slope = 1 - (y * share) * (y * share)
                ((y - normalizer).exponential * slope * -gradient).store(tail: values + i, count: rest)
            }
            values[target] += gradient * (1 - atTarget * atTarget)
        }
    }
}

extension Vector {
    /// tanh x: 2σ(2x) − 1, but near zero, where that cancels, x times a polynomial in x².
    @inline(__always)
    var hyperbolicTangent: Vector {
        let far = 2 * (self + self).logistic - 1
        let square = self * self
        var p = Vector(repeating: 0.021_869_489)
        p = Vector(repeating: -0.053_968_254).addingProduct(p, square)
        p = Vector(repeating: 0.133_333_333).addingProduct(p, square)
        p = Vector(repeating: -0.333_333_333).addingProduct(p, square)
        p = Vector(repeating: 1).addingProduct(p, square)
        return far.replacing(with: self * p, where: square .< Vector(repeating: 0.0625))
    }
}
