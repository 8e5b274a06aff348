import Glibc

/// What becomes of a row of raw scores q kᵀ: scaled, possibly capped, then softmax over the columns that the query sees.
/// Columns that it doesn't see become zeros.
struct ScoreRule {
    let scale: Float
    /// A score s becomes cap · tanh(s / cap).
    let cap: Float?

    /// Turns raw scores into exp(score − peak); returns their log-sum-exp and the sum of what is left in the row.
    @inline(__always)
    func exponentials(_ row: UnsafeMutablePointer<Float>, visible: Range<Int>, count: Int) -> (Float, sum: Float) {
        let x = row + visible.lowerBound
        if let cap { limit(x, visible.count, cap) }
        let factor = cap == nil ? scale : 1
        let peak = largest(x, visible.count) * factor
        var lanes = Vector.zero
        var rest: Float = 0
        for i in groups(of: visible.count) {
            let e = (Vector(from: x + i) * factor - peak).exponential
            lanes += e
            e.store(to: x + i)
        }
        for i in remainder(of: visible.count) {
            x[i] = exp(x[i] * factor - peak)
            rest += x[i]
        }
        clear(row, outside: visible, count)
        let sum = lanes.total + rest
        return (peak + log(sum), sum)
    }

    /// p: raw scores → probabilities; d: dp → the derivative by the raw score, p ∘ (dp − projection) · scale, and with a
    /// cap times 1 − tanh².
    @inline(__always)
    func differentiate(
        _ p: UnsafeMutablePointer<Float>, _ d: UnsafeMutablePointer<Float>, visible: Range<Int>, count: Int,
        normalizer: Float, projection: Float
    ) {
        let (x, y) = (p + visible.lowerBound, d + visible.lowerBound)
        if let cap {
            limit(x, visible.count, cap)
            for i in 0..<visible.count {
                let tanh = x[i] / cap
                y[i] = (y[i] - projection) * (1 - tanh * tanh)
                x[i] = exp(x[i] - normalizer)
                y[i] *= x[i] * scale
            }
        } else {
            for i in groups(of: visible.count) {
                let value = (Vector(from: x + i) * scale - normalizer).exponential
                value.store(to: x + i)
                (value * (Vector(from: y + i) - projection) * scale).store(to: y + i)
            }
            for i in remainder(of: visible.count) {
                x[i] = exp(x[i] * scale - normalizer)
                y[i] = x[i] * (y[i] - projection) * scale
            }
        }
        clear(p, outside: visible, count)
        clear(d, outside: visible, count)
    }

    private func limit(_ x: UnsafeMutablePointer<Float>, _ count: Int, _ cap: Float) {
        for i in 0..<count { x[i] = cap * tanhf(x[i] * scale / cap) }
    }

    @inline(__always)
    private func clear(_ row: UnsafeMutablePointer<Float>, outside visible: Range<Int>, _ count: Int) {
        row.update(repeating: 0, count: visible.lowerBound)
        (row + visible.upperBound).update(repeating: 0, count: count - visible.upperBound)
    }
}
