import Kernels

/// The activations that a block keeps of its forward pass for its backward pass. T rows, but A in the last block where
/// marked *. What an architecture doesn't have takes no memory.
struct Record {
    /// The values that a norm's backward pass needs.
    struct Norm {
        /// [rows, parts · `Normalization.statistics`]
        let statistics: UnsafeMutablePointer<Float>
        /// [rows, columns] what entered the norm, where nothing else keeps it.
        let input: UnsafeMutablePointer<Float>
    }

    /// [T] before attention.
    let attentionNorm: Norm
    /// [T*, H · E] queries as they enter attention.
    let query: UnsafeMutablePointer<Float>
    /// [T, 2 G · E] keys as they enter attention, then values.
    let keyValue: UnsafeMutablePointer<Float>
    /// [T*, H · E] and [T, G · E]
    let queryNorm: Norm
    let keyNorm: Norm
    /// [T*, H · E] attention's output.
    let attended: UnsafeMutablePointer<Float>
    /// [T*, H] log-sum-exp of every score row.
    let normalizers: UnsafeMutablePointer<Float>
    /// [T*, D] after attention.
    let attentionAfterNorm: Norm
    /// [T*, D] what the feed-forward network reads: the residual stream after attention, or what entered the block.
    let middle: UnsafeMutablePointer<Float>
    /// [T*] before the feed-forward network.
    let feedForwardNorm: Norm
    /// [T*, 2F or F] what the nonlinearity reads.
    let hidden: UnsafeMutablePointer<Float>
    /// [T*, D] after the feed-forward network.
    let feedForwardAfterNorm: Norm
    /// Of adapters: see `LowRankSpace`.
    let u: UnsafeMutablePointer<Float>
    let z: UnsafeMutablePointer<Float>
    let factors: UnsafeMutablePointer<Float>

    init(_ a: Architecture, rows: Int, low: LowRankExtent, cutter: inout Cutter) {
        func norm(_ isThere: Bool, parts: Int = 1, input columns: Int = 0) -> Norm {
            Norm(
                statistics: cutter.take(isThere ? rows * parts * Normalization.statistics(a.norm) : 0),
                input: cutter.take(isThere ? rows * columns : 0))
        }
        let (before, after) = (a.placement != .after, a.placement != .before)
        attentionNorm = norm(before)
        query = cutter.take(rows * a.queryWidth)
        keyValue = cutter.take(rows * 2 * a.keyWidth)
        queryNorm = norm(a.queryKeyNorm != .none, parts: a.queryParts, input: a.queryWidth)
        keyNorm = norm(a.queryKeyNorm != .none, parts: a.keyParts, input: a.keyWidth)
        attended = cutter.take(rows * a.queryWidth)
        normalizers = cutter.take(rows * a.heads)
        attentionAfterNorm = norm(after, input: a.width)
        middle = cutter.take(rows * a.width)
        feedForwardNorm = norm(before)
        hidden = cutter.take(rows * a.hiddenWidth)
        feedForwardAfterNorm = norm(after, input: a.width)
        u = cutter.take(rows * low.low)
        z = cutter.take(rows * low.wide)
        factors = cutter.take(2 * low.wide)
    }
}
