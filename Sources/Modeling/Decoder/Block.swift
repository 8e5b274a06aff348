import Kernels

/// One layer of the decoder: x + attention(norm(x)), then the same with the feed-forward network; or both at once from x;
/// or with norms after them.
///
/// `forward` and `backward` mirror each other, line by line from opposite ends, and so do those of its two halves.
struct Block {
    let attention: SelfAttention
    let feedForward: FeedForward
    /// Whether both halves read what enters the block, and are added to it together.
    let isParallel: Bool

    /// y [A, D] of x [T, D].
    func forward(_ x: Matrix, into y: Matrix, _ pass: LayerPass) {
        let middle = pass.middle
        pass.rows.copyOutputs(of: x, into: middle, on: pass.pool)
        if isParallel { RowMoves.copy(middle, into: y, on: pass.pool) }
        attention.forward(x, addingTo: isParallel ? y : middle, pass)
        if !isParallel { RowMoves.copy(middle, into: y, on: pass.pool) }
        feedForward.forward(middle, addingTo: y, pass)
    }

    /// Adds the parameters' gradients and turns `d` from dy [A, D] into dx [T, D], in place. Uses up the record's `hidden`.
    func backward(_ d: UnsafeMutablePointer<Float>, input x: Matrix, _ pass: LayerPass) {
        let dy = pass.rows.outputMatrix(d, x.columns)
        if isParallel { RowMoves.clear(pass.dMiddle, on: pass.pool) }
        feedForward.backward(dy, input: pass.middle, addingTo: isParallel ? pass.dMiddle : dy, pass)
        attention.backward(d, input: x, adding: isParallel ? pass.dMiddle : nil, pass)
    }
}

extension Block {
    /// - Parameter low: grows by what the block's adapters need.
    init(_ a: Architecture, _ parameters: BlockParameters, low: inout LowRankExtent) {
        let p = parameters
        func norm(_ parameters: NormParameters?, parts: Int = 1) -> Normalization? {
            parameters.map { Normalization(a, $0, parts: parts) }
        }
        attention = SelfAttention(
            norm: norm(p.attentionNorm), query: Projection(p.query, low: &low),
            keyValue: Projection(p.keyValue, low: &low), queryNorm: norm(p.queryNorm, parts: a.queryParts),
            keyNorm: norm(p.keyNorm, parts: a.keyParts), output: Projection(p.output, low: &low),
            afterNorm: norm(p.attentionAfterNorm))
        feedForward = FeedForward(
            norm: norm(p.feedForwardNorm), gateUp: Projection(p.gateUp, low: &low), nonlinearity: a.nonlinearity,
            isGated: a.gated, down: Projection(p.down, low: &low), afterNorm: norm(p.feedForwardAfterNorm))
        isParallel = a.parallelResidual
    }
}
