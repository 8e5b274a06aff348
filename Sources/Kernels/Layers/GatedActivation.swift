/// A gated activation, a = f(g) ∘ u, where a row of the input holds g and u side by side: SwiGLU with f = SiLU, GeGLU with
/// f = GELU (arXiv 2002.05202).
package enum GatedActivation {
    private static let rowsPerItem = 16

    /// - Parameters:
    ///   - gateUp: [T, 2F], the gate's F columns first.
    ///   - activation: [T, F]
    package static func forward(
        _ gateUp: Matrix, _ f: Nonlinearity, into activation: Matrix, on pool: ThreadPool
    ) {
        let width = activation.columns
        pool.chunks(of: activation.rows, size: rowsPerItem) { rows in
            for t in rows {
                let (gate, up, output) = (gateUp.row(t), gateUp.row(t) + width, activation.row(t))
                for i in groups(of: width) {
                    (f.value(Vector(from: gate + i)) * Vector(from: up + i)).store(to: output + i)
                }
                let (first, rest) = (width & ~7, width & 7)
                if rest > 0 {
                    let value = f.value(Vector(tail: gate + first, count: rest))
                    (value * Vector(tail: up + first, count: rest)).store(tail: output + first, count: rest)
                }
            }
        }
    }

    /// In place, since the down projection's two products need exactly these: `gateUp` (g, u) becomes (dg, du), and
    /// `activation`, which holds da, becomes a.
    ///
    /// du = da · f(g), dg = da · u · f′(g).
    package static func backward(gateUp: Matrix, _ f: Nonlinearity, activation: Matrix, on pool: ThreadPool) {
        let width = activation.columns
        pool.chunks(of: activation.rows, size: rowsPerItem) { rows in
            for t in rows {
                let (gate, up, value) = (gateUp.row(t), gateUp.row(t) + width, activation.row(t))
                for i in groups(of: width) {
                    let (u, upstream) = (Vector(from: up + i), Vector(from: value + i))
                    let (a, slope) = f.valueAndSlope(Vector(from: gate + i))
                    (a * u).store(to: value + i)
                    (upstream * a).store(to: up + i)
                    (upstream * u * slope).store(to: gate + i)
                }
                let (i, rest) = (width & ~7, width & 7)
                if rest > 0 {
                    let (u, upstream) = (Vector(tail: up + i, count: rest), Vector(tail: value + i, count: rest))
                    let (a, slope) = f.valueAndSlope(Vector(tail: gate + i, count: rest))
                    (a * u).store(tail: value + i, count: rest)
                    (upstream * a).store(tail: up + i, count: rest)
                    (upstream * u * slope).store(tail: gate + i, count: rest)
                }
            }
        }
    }
}
