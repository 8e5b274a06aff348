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
        if let cap { limit(x, visible.count, cap) }
        let factor = cap == nil ? scale : 1
        // The slope of the cap is 1 − (s / cap)²: without one, 1.
        let share = cap.map { 1 / $0 } ?? 0
        for i in groups(of: visible.count) {
            let score = Vector(from: x + i) * factor
            let value = (score - normalizer).exponential
            value.store(to: x + i)
            let slope = scale - (score * share) * (score * share) * scale
            (value * (Vector(from: y + i) - projection) * slope).store(to: y + i)
        }
        for i in remainder(of: visible.count) {
            let score = x[i] * factor
            x[i] = exp(score - normalizer)
            y[i] = x[i] * (y[i] - projection) * (scale - (score * share) * (score * share) * scale)
        }
        clear(p, outside: visible, count)
        clear(d, outside: visible, count)
    }

    private func limit(_ x: UnsafeMutablePointer<Float>, _ count: Int, _ cap: Float) {
        let share = scale / cap
        for i in groups(of: count) {
            ((Vector(from: x + i) * share).hyperbolicTangent * cap).store(to: x + i)
        }
        for i in remainder(of: count) {
            x[i] = (Vector(repeating: x[i]) * share).hyperbolicTangent[0] * cap
        }
    }

    @inline(__always)
    private func clear(_ row: UnsafeMutablePointer<Float>, outside visible: Range<Int>, _ count: Int) {
        row.update(repeating: 0, count: visible.lowerBound)
        (row + visible.upperBound).update(repeating: 0, count: count - visible.upperBound)
    }
}
