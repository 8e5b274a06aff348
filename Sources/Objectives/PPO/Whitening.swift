/// Brings numbers of tokens to a mean of 0 and a variance of 1 over all tokens of a batch. They are added up in their
/// order, so every rank that has them all gets the same bits.
package enum Whitening {
    /// - Parameter shiftsMean: whether the mean becomes 0; else it stays as it is.
    package static func whitened(_ rows: [[Double]], shiftsMean: Bool = true) -> [[Double]] {
        let count = rows.reduce(0) { $0 + $1.count }
        guard count > 1 else { return rows }
        let mean = rows.joined().reduce(0, +) / Double(count)
        let squares = rows.joined().reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let scale = 1 / (squares / Double(count - 1) + epsilon).squareRoot()
        return rows.map { $0.map { ($0 - mean) * scale + (shiftsMean ? 0 : mean) } }
    }

    /// Keeps a batch of equal numbers finite; TRL's.
    private static let epsilon = 1e-8
}
