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
                pool.kernels.activate(f.kernel, gate, up, output, width)
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
                pool.kernels.differentiate(f.kernel, gate, up, value, width)
            }
        }
    }
}
