/// Dropout (Srivastava et al. 2014) whose mask is a function of what a row is, not of where or when it is computed: every
/// row has a key, and an element stays where a number drawn from (key, module, column) says so. What stays is divided by
/// 1 − p. The same mask comes again in the backward pass, on any rank and in any micro-batch.
public struct RowDropout {
    /// [T] keys of all rows of the micro-batch, and [A] of the output rows.
    public let keys: UnsafePointer<UInt64>
    public let rows: Int
    public let outputKeys: UnsafePointer<UInt64>
    /// Below it an element stays, of 2¹⁶.
    private let threshold: UInt16
    private let factor: Float

    /// - Parameter probability: p, of being dropped, in [0, 1); to 16 bits.
    public init(
        keys: UnsafePointer<UInt64>, rows: Int, outputKeys: UnsafePointer<UInt64>, probability: Double
    ) {
        self.keys = keys
        self.rows = rows
        self.outputKeys = outputKeys
        let kept = max(1, min(65535, ((1 - probability) * 65536).rounded()))
        threshold = UInt16(kept)
        factor = Float(65536 / kept)
    }

    /// y = drop(x)
    public func copy(_ x: Matrix, module: Int, into y: Matrix, on pool: ThreadPool) {
        eachElement(x, module: module, on: pool) { row, column, kept in y.row(row)[column] = kept }
    }

    /// y += drop(x)
    public func apply(to x: Matrix, module: Int, addingTo y: Matrix, on pool: ThreadPool) {
        eachElement(x, module: module, on: pool) { row, column, kept in y.row(row)[column] += kept }
    }

    @inline(__always)
    private func eachElement(
        _ x: Matrix, module: Int, on pool: ThreadPool, _ body: (_ row: Int, _ column: Int, _ value: Float) -> Void
    ) {
        // The last block's rows are the output rows.
        let keys = x.rows == rows ? keys : outputKeys
        let salt = RowDropout.mixed(UInt64(truncatingIfNeeded: module) &+ 1)
        pool.chunks(of: x.rows, size: 16) { range in
            for row in range {
                let (source, key) = (x.row(row), keys[row] ^ salt)
                var column = 0
                while column < x.columns {
                    // Four elements share a draw of 64 bits.
                    var bits = RowDropout.mixed(key &+ UInt64(truncatingIfNeeded: column) &* 0x9E37_79B9_7F4A_7C15)
                    for i in column..<min(x.columns, column + 4) {
                        body(row, i, UInt16(truncatingIfNeeded: bits) < threshold ? source[i] * factor : 0)
                        bits >>= 16
                    }
                    column += 4
                }
            }
        }
    }

    /// The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
    @inline(__always)
    public static func mixed(_ x: UInt64) -> UInt64 {
        var z = x &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
