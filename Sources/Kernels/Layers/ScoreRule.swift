import CKernels
import Glibc

/// The rule for a row of raw scores q kᵀ: scaled, possibly capped, then softmax over the columns that the query sees.
/// Columns that it doesn't see become zeros.
struct ScoreRule {
    let scale: Float
    /// A score s becomes cap · tanh(s / cap).
    let cap: Float?

    /// Turns raw scores into exp(score − peak); returns their log-sum-exp and the sum of what is left in the row.
    func exponentials(
        _ row: UnsafeMutablePointer<Float>, visible: Range<Int>, count: Int, _ kernels: prefopt_kernels
    ) -> (Float, sum: Float) {
        let x = row + visible.lowerBound
        if let cap { kernels.limit(x, visible.count, scale / cap, cap) }
        let factor = cap == nil ? scale : 1
        let peak = kernels.largest(x, visible.count) * factor
        let sum = kernels.exponentiate(x, visible.count, factor, peak)
        clear(row, outside: visible, count)
        return (peak + log(sum), sum)
    }

    /// p: raw scores → probabilities; d: dp → the derivative by the raw score, p ∘ (dp − projection) · scale, and with a
    /// cap times 1 − tanh².
    func differentiate(
        _ p: UnsafeMutablePointer<Float>, _ d: UnsafeMutablePointer<Float>, visible: Range<Int>, count: Int,
        normalizer: Float, projection: Float, _ kernels: prefopt_kernels
    ) {
        let (x, y) = (p + visible.lowerBound, d + visible.lowerBound)
        if let cap { kernels.limit(x, visible.count, scale / cap, cap) }
        // The slope of the cap is 1 − (s / cap)²: without one, 1.
        kernels.differentiate_scores(
            x, y, visible.count, cap == nil ? scale : 1, scale, cap.map { 1 / $0 } ?? 0, normalizer, projection)
        clear(p, outside: visible, count)
        clear(d, outside: visible, count)
    }

    @inline(__always)
    private func clear(_ row: UnsafeMutablePointer<Float>, outside visible: Range<Int>, _ count: Int) {
        row.update(repeating: 0, count: visible.lowerBound)
        (row + visible.upperBound).update(repeating: 0, count: count - visible.upperBound)
    }
}
