/// Layer normalisation (arXiv 1607.06450): y = (x − μ) · r ∘ w + b with r = 1 / √(mean((x − μ)²) + ε), row by row.
package enum LayerNorm {
    private static let rowsPerItem = 32
    private static let columnsPerItem = 64

    /// - Parameters:
    ///   - x: [T, D]
    ///   - y: [T, D]
    ///   - weight: [D]
    ///   - bias: [D]
    ///   - statistics: [T, 2], receives μ and r of every row for the backward pass.
    package static func forward(
        _ x: Matrix, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, epsilon: Float,
        into y: Matrix, statistics: UnsafeMutablePointer<Float>, on pool: ThreadPool
    ) {
        let width = x.columns
        pool.chunks(of: x.rows, size: rowsPerItem) { rows in
            for t in rows {
                let input = x.row(t)
                let mean = mean(input, width)
                let r = 1 / (squares(input, minus: mean, width) / Float(width) + epsilon).squareRoot()
                statistics[2 * t] = mean
                statistics[2 * t + 1] = r
                normalize(input, minus: mean, by: r, weight, bias, into: y.row(t), width)
            }
        }
    }

    /// y again from the stored μ and r, for a backward pass that didn't keep it.
    package static func restore(
        _ x: Matrix, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>, statistics: UnsafePointer<Float>,
        into y: Matrix, on pool: ThreadPool
    ) {
        let width = x.columns
        pool.chunks(of: x.rows, size: rowsPerItem) { rows in
            for t in rows {
                normalize(
                    x.row(t), minus: statistics[2 * t], by: statistics[2 * t + 1], weight, bias, into: y.row(t), width)
            }
        }
    }

    /// With n = (x − μ) r and g = w ∘ dy: dx += r (g − mean(g) − n · mean(g ∘ n)), dw += Σₜ dy ∘ n, db += Σₜ dy.
    ///
    /// - Parameters:
    ///   - dWeight: [D], or nil when it isn't trained.
    ///   - dBias: the same.
    package static func backward(
        _ dy: Matrix, _ x: Matrix, weight: UnsafePointer<Float>, statistics: UnsafePointer<Float>,
        into dx: Matrix, dWeight: UnsafeMutablePointer<Float>?, dBias: UnsafeMutablePointer<Float>?, on pool: ThreadPool
    ) {
        let width = x.columns
        pool.chunks(of: x.rows, size: rowsPerItem) { rows in
            for t in rows {
                let (input, upstream, output) = (x.row(t), dy.row(t), dx.row(t))
                let (m, r) = (statistics[2 * t], statistics[2 * t + 1])
                var (sums, projections) = (Vector.zero, Vector.zero)
                var (sum, projection): (Float, Float) = (0, 0)
                for i in groups(of: width) {
                    let g = Vector(from: weight + i) * Vector(from: upstream + i)
                    sums += g
                    projections = projections.addingProduct(g, (Vector(from: input + i) - m) * r)
                }
                for i in remainder(of: width) {
                    let g = weight[i] * upstream[i]
                    sum += g
                    projection += g * ((input[i] - m) * r)
                }
                sum = (sum + sums.total) / Float(width)
                projection = (projection + projections.total) / Float(width)
                for i in groups(of: width) {
                    let g = Vector(from: weight + i) * Vector(from: upstream + i)
                    let n = (Vector(from: input + i) - m) * r
                    (Vector(from: output + i) + (g - sum - n * projection) * r).store(to: output + i)
                }
                for i in remainder(of: width) {
                    let n = (input[i] - m) * r
                    output[i] += (weight[i] * upstream[i] - sum - n * projection) * r
                }
            }
        }
        guard let dWeight, let dBias else { return }
        pool.chunks(of: width, size: columnsPerItem) { columns in
            let (weightSum, biasSum) = (dWeight + columns.lowerBound, dBias + columns.lowerBound)
            for t in 0..<x.rows {
                let (input, upstream) = (x.row(t) + columns.lowerBound, dy.row(t) + columns.lowerBound)
                let (m, r) = (statistics[2 * t], statistics[2 * t + 1])
                for i in groups(of: columns.count) {
                    let (d, n) = (Vector(from: upstream + i), (Vector(from: input + i) - m) * r)
                    Vector(from: weightSum + i).addingProduct(d, n).store(to: weightSum + i)
                    (Vector(from: biasSum + i) + d).store(to: biasSum + i)
                }
                for i in remainder(of: columns.count) {
                    weightSum[i] += upstream[i] * ((input[i] - m) * r)
                    biasSum[i] += upstream[i]
                }
            }
        }
    }

    @inline(__always)
    private static func mean(_ x: UnsafePointer<Float>, _ width: Int) -> Float {
        var lanes = Vector.zero
        var rest: Float = 0
        for i in groups(of: width) {
            lanes += Vector(from: x + i)
        }
        for i in remainder(of: width) {
            rest += x[i]
        }
        return (lanes.total + rest) / Float(width)
    }

    /// Σ (xᵢ − mean)²
    @inline(__always)
    private static func squares(_ x: UnsafePointer<Float>, minus mean: Float, _ width: Int) -> Float {
        var lanes = Vector.zero
        var rest: Float = 0
        for i in groups(of: width) {
            let difference = Vector(from: x + i) - mean
            lanes = lanes.addingProduct(difference, difference)
        }
        for i in remainder(of: width) {
            rest += (x[i] - mean) * (x[i] - mean)
        }
        return lanes.total + rest
    }

    @inline(__always)
    private static func normalize(
        _ x: UnsafePointer<Float>, minus mean: Float, by r: Float, _ weight: UnsafePointer<Float>,
        _ bias: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, _ width: Int
    ) {
        for i in groups(of: width) {
            Vector(from: bias + i)
                .addingProduct((Vector(from: x + i) - mean) * r, Vector(from: weight + i))
                .store(to: y + i)
        }
        for i in remainder(of: width) {
            y[i] = bias[i] + (x[i] - mean) * r * weight[i]
        }
    }
}
