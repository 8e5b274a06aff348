/// SwiGLU (arXiv 2002.05202): a = silu(g) ∘ u, where a row of the input holds g and u side by side.
public enum GatedActivation {
    private static let rowsPerItem = 16

    /// - Parameters:
    ///   - gateUp: [T, 2F], the gate's F columns first.
    ///   - activation: [T, F]
    public static func forward(_ gateUp: Matrix, into activation: Matrix, on pool: ThreadPool) {
        let width = activation.columns
        pool.chunks(of: activation.rows, size: rowsPerItem) { rows in
            for t in rows {
                let (gate, up, output) = (gateUp.row(t), gateUp.row(t) + width, activation.row(t))
                for i in groups(of: width) {
                    let g = Vector(from: gate + i)
                    (g * g.logistic * Vector(from: up + i)).store(to: output + i)
                }
                for i in remainder(of: width) {
                    output[i] = gate[i] * logistic(gate[i]) * up[i]
                }
            }
        }
    }

    /// In place, since the down projection's two products need exactly these: `gateUp` (g, u) becomes (dg, du), and
    /// `activation`, which holds da, becomes a.
    ///
    /// With s = σ(g): du = da · g s, dg = da · u · s (1 + g (1 − s)).
    public static func backward(gateUp: Matrix, activation: Matrix, on pool: ThreadPool) {
        let width = activation.columns
        pool.chunks(of: activation.rows, size: rowsPerItem) { rows in
            for t in rows {
                let (gate, up, value) = (gateUp.row(t), gateUp.row(t) + width, activation.row(t))
                for i in groups(of: width) {
                    let (g, u, upstream) = (Vector(from: gate + i), Vector(from: up + i), Vector(from: value + i))
                    let s = g.logistic
                    let silu = g * s
                    (silu * u).store(to: value + i)
                    (upstream * silu).store(to: up + i)
                    (upstream * u * s * (1 + g * (1 - s))).store(to: gate + i)
                }
                for i in remainder(of: width) {
                    let (g, u, upstream) = (gate[i], up[i], value[i])
                    let s = logistic(g)
                    value[i] = g * s * u
                    up[i] = upstream * g * s
                    gate[i] = upstream * u * s * (1 + g * (1 - s))
                }
            }
        }
    }

    @inline(__always)
    private static func logistic(_ x: Float) -> Float { Vector(repeating: x).logistic[0] }
}
