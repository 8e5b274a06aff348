import Kernels

/// What a block keeps of its forward pass for its backward pass. T rows, but A in the last block where marked *. What an
/// architecture doesn't have takes no memory.
struct Record {
    private let architecture: Architecture

    /// [T] statistics of the norm before attention (see `Normalization.statistics`).
    let attentionStatistics: UnsafeMutablePointer<Float>
    /// [T*, H · E] queries as they enter attention.
    private let query: UnsafeMutablePointer<Float>
    /// [T, 2 G · E] keys as they enter attention, then values.
    let keyValue: UnsafeMutablePointer<Float>
    /// [T*, H · E] and [T, G · E] queries and keys before their norms, and the norms' statistics.
    private let plainQuery: UnsafeMutablePointer<Float>
    private let plainKeys: UnsafeMutablePointer<Float>
    let queryStatistics: UnsafeMutablePointer<Float>
    let keyStatistics: UnsafeMutablePointer<Float>
    /// [T*, H · E] attention's output.
    private let attended: UnsafeMutablePointer<Float>
    /// [T*, H] log-sum-exp of every score row.
    let normalizers: UnsafeMutablePointer<Float>
    /// [T*, D] what enters the norm after attention, and that norm's statistics.
    private let attentionOutput: UnsafeMutablePointer<Float>
    let attentionAfterStatistics: UnsafeMutablePointer<Float>
    /// [T*, D] what the feed-forward network reads: the residual stream after attention, or what entered the block.
    private let middle: UnsafeMutablePointer<Float>
    /// [T*]
    let feedForwardStatistics: UnsafeMutablePointer<Float>
    /// [T*, 2F or F] what the nonlinearity reads.
    private let hidden: UnsafeMutablePointer<Float>
    /// [T*, D] what enters the norm after the feed-forward network, and that norm's statistics.
    private let feedForwardOutput: UnsafeMutablePointer<Float>
    let feedForwardAfterStatistics: UnsafeMutablePointer<Float>
    /// Of adapters: see `LowRankSpace`.
    let u: UnsafeMutablePointer<Float>
    let z: UnsafeMutablePointer<Float>
    let factors: UnsafeMutablePointer<Float>

    init(_ a: Architecture, rows: Int, low: LowRankExtent, cutter: inout Cutter) {
        architecture = a
        let statistics = Normalization.statistics(a.norm)
        let (before, after) = (a.placement != .after, a.placement != .before)
        let plain = a.queryKeyNorm != .none
        attentionStatistics = cutter.take(before ? rows * statistics : 0)
        query = cutter.take(rows * a.queryWidth)
        keyValue = cutter.take(rows * 2 * a.keyWidth)
        plainQuery = cutter.take(plain ? rows * a.queryWidth : 0)
        plainKeys = cutter.take(plain ? rows * a.keyWidth : 0)
        queryStatistics = cutter.take(plain ? rows * a.queryParts * statistics : 0)
        keyStatistics = cutter.take(plain ? rows * a.keyParts * statistics : 0)
        attended = cutter.take(rows * a.queryWidth)
        normalizers = cutter.take(rows * a.heads)
        attentionOutput = cutter.take(after ? rows * a.width : 0)
        attentionAfterStatistics = cutter.take(after ? rows * statistics : 0)
        middle = cutter.take(rows * a.width)
        feedForwardStatistics = cutter.take(before ? rows * statistics : 0)
        hidden = cutter.take(rows * a.hiddenWidth)
        feedForwardOutput = cutter.take(after ? rows * a.width : 0)
        feedForwardAfterStatistics = cutter.take(after ? rows * statistics : 0)
        u = cutter.take(rows * low.low)
        z = cutter.take(rows * low.wide)
        factors = cutter.take(2 * low.wide)
    }

    // MARK: - Views for the rows of a pass

    func query(_ rows: Block.Rows) -> Matrix { rows.outputMatrix(query, architecture.queryWidth) }
    func plainQuery(_ rows: Block.Rows) -> Matrix { rows.outputMatrix(plainQuery, architecture.queryWidth) }
    func plainKeys(_ rows: Block.Rows) -> Matrix { rows.matrix(plainKeys, architecture.keyWidth) }
    func attended(_ rows: Block.Rows) -> Matrix { rows.outputMatrix(attended, architecture.queryWidth) }
    func attentionOutput(_ rows: Block.Rows) -> Matrix { rows.outputMatrix(attentionOutput, architecture.width) }
    func middle(_ rows: Block.Rows) -> Matrix { rows.outputMatrix(middle, architecture.width) }
    func hidden(_ rows: Block.Rows) -> Matrix { rows.outputMatrix(hidden, architecture.hiddenWidth) }
    func feedForwardOutput(_ rows: Block.Rows) -> Matrix { rows.outputMatrix(feedForwardOutput, architecture.width) }
}
