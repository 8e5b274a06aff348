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
            let peak = largest(values, logits.columns)
            let sum = sumOfExponentials(values, minus: peak, logits.columns)
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
            let normalizer = normalizers[row]
            let gradient = gradients[row]
            for i in groups(of: logits.columns) {
                ((Vector(from: values + i) - normalizer).exponential * -gradient).store(to: values + i)
            }
            for i in remainder(of: logits.columns) {
                values[i] = -gradient * exp(values[i] - normalizer)
            }
            values[Int(targets[row])] += gradient
        }
    }
}

/// max over a row; NaNs are passed over, the exponentials that follow keep them.
@inline(__always)
func largest(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = Vector(repeating: -.infinity)
    var peak = -Float.infinity
    for i in groups(of: count) {
        lanes = lanes.raised(to: Vector(from: x + i))
    }
    for i in remainder(of: count) {
        peak = max(peak, x[i])
    }
    return max(peak, lanes.largest)
}

/// Σ exp(xᵢ − peak). Blocks of lanes are added up in double precision: a vocabulary has a hundred thousand terms.
@inline(__always)
func sumOfExponentials(_ x: UnsafePointer<Float>, minus peak: Float, _ count: Int) -> Double {
    var sum = 0.0
    var start = 0
    while start < count {
        let block = min(1024, count - start)
        var lanes = Vector.zero
        var rest: Float = 0
        for i in groups(of: block) {
            lanes += (Vector(from: x + start + i) - peak).exponential
        }
        for i in remainder(of: block) {
            rest += exp(x[start + i] - peak)
        }
        sum += Double(lanes.total + rest)
        start += block
    }
    return sum
}
