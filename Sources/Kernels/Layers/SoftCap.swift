/// A bound on logits that keeps their order (arXiv 2408.00118, section 2): y = cap · tanh(x / cap).
package enum SoftCap {
    /// In place.
    package static func forward(_ x: Matrix, cap: Float, on pool: ThreadPool) {
        pool.run(x.rows) { (row: Int) in pool.kernels.limit(x.row(row), x.columns, 1 / cap, cap) }
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
            let (gradient, target) = (gradients[row], Int(targets[row]))
            let atTarget = values[target] * share
            pool.kernels.differentiate_capped_logits(values, logits.columns, normalizers[row], -gradient, share)
            values[target] += gradient * (1 - atTarget * atTarget)
        }
    }
}
