/// An activation without a gate: a = f(h), element by element.
package enum PlainActivation {
    private static let rowsPerItem = 16

    /// - Parameters:
    ///   - hidden: [T, F]
    ///   - activation: [T, F]
    package static func forward(
        _ hidden: Matrix, _ f: Nonlinearity, into activation: Matrix, on pool: ThreadPool
    ) {
        let width = activation.columns
        pool.chunks(of: activation.rows, size: rowsPerItem) { rows in
            for t in rows {
                pool.kernels.activate(f.kernel, hidden.row(t), nil, activation.row(t), width)
            }
        }
    }

    /// In place, as `GatedActivation.backward`: `hidden` (h) becomes dh = da · f′(h), and `activation`, which holds da,
    /// becomes a.
    package static func backward(hidden: Matrix, _ f: Nonlinearity, activation: Matrix, on pool: ThreadPool) {
        let width = activation.columns
        pool.chunks(of: activation.rows, size: rowsPerItem) { rows in
            for t in rows {
                pool.kernels.differentiate(f.kernel, hidden.row(t), nil, activation.row(t), width)
            }
        }
    }
}
