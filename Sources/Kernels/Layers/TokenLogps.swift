import Glibc

/// log softmax of logits at one target per row, and its derivative, in place on the logits.
package enum TokenLogps {
    /// log p(targetₜ) = logitₜ[targetₜ] − log Σⱼ exp logitₜ[j]
    ///
    /// - Parameters:
    ///   - logits: [R, V]
    ///   - targets: [R]
    ///   - normalizers: [R], receives log Σⱼ exp for the backward pass.
    ///   - logps: [R], in nats.
    package static func forward(
        _ logits: Matrix, targets: UnsafePointer<Int32>,
        normalizers: UnsafeMutablePointer<Float>, logps: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        pool.run(logits.rows) { (row: Int) in
            let values = logits.row(row)
            let peak = pool.kernels.largest(values, logits.columns)
            let sum = pool.kernels.sum_exponentials(values, logits.columns, peak)
            normalizers[row] = peak + Float(log(Double(sum)))
            logps[row] = Float(Double(values[Int(targets[row])]) - Double(peak) - log(Double(sum)))
        }
    }

    /// Turns logits into their gradients: dlogitⱼ = d (1[j = target] − softmaxⱼ), where d = ∂ℓ/∂logp of the row.
    package static func backward(
        _ logits: Matrix, targets: UnsafePointer<Int32>, normalizers: UnsafePointer<Float>,
        gradients: UnsafePointer<Float>, on pool: ThreadPool
    ) {
        pool.run(logits.rows) { (row: Int) in
            let values = logits.row(row)
            let gradient = gradients[row]
            pool.kernels.differentiate_logits(values, logits.columns, normalizers[row], -gradient)
            values[Int(targets[row])] += gradient
        }
    }
}
