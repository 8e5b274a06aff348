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
                let (input, output) = (hidden.row(t), activation.row(t))
                for i in groups(of: width) {
                    f.value(Vector(from: input + i)).store(to: output + i)
                }
                let (i, rest) = (width & ~7, width & 7)
                if rest > 0 {
                    f.value(Vector(tail: input + i, count: rest)).store(tail: output + i, count: rest)
                }
            }
        }
    }

    /// In place, as `GatedActivation.backward`: `hidden` (h) becomes dh = da · f′(h), and `activation`, which holds da,
    /// becomes a.
    package static func backward(hidden: Matrix, _ f: Nonlinearity, activation: Matrix, on pool: ThreadPool) {
        let width = activation.columns
        pool.chunks(of: activation.rows, size: rowsPerItem) { rows in
            for t in rows {
                let (input, value) = (hidden.row(t), activation.row(t))
                for i in groups(of: width) {
                    let (a, slope) = f.valueAndSlope(Vector(from: input + i))
                    (Vector(from: value + i) * slope).store(to: input + i)
                    a.store(to: value + i)
                }
                let (i, rest) = (width & ~7, width & 7)
                if rest > 0 {
                    let (a, slope) = f.valueAndSlope(Vector(tail: input + i, count: rest))
                    (Vector(tail: value + i, count: rest) * slope).store(tail: input + i, count: rest)
                    a.store(tail: value + i, count: rest)
                }
            }
        }
    }
}
