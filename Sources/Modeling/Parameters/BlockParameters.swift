/// One layer's parameters, by their places.
struct BlockParameters: Sendable {
    /// Before attention.
    let attentionNorm: NormParameters?
    let query: LinearParameters
    /// Keys' rows, then values'.
    let keyValue: LinearParameters
    let queryNorm: NormParameters?
    let keyNorm: NormParameters?
    let output: LinearParameters
    /// Between attention and the sum it is added to.
    let attentionAfterNorm: NormParameters?
    /// Before the feed-forward network.
    let feedForwardNorm: NormParameters?
    /// The gate's rows, then the up projection's; or the one projection of a network without a gate.
    let gateUp: LinearParameters
    let down: LinearParameters
    let feedForwardAfterNorm: NormParameters?

    var linear: [LinearParameters] { [query, keyValue, output, gateUp, down] }
}

/// A norm's parameters.
struct NormParameters: Sendable {
    let weight: Place
    /// Of a layer norm.
    let bias: Place?
}

/// A linear map's parameters W [N, K] and b. Matrices that multiply the same rows (k and v, gate and up) are one map.
struct LinearParameters: Sendable {
    /// Some of the outputs.
    struct Piece: Sendable {
        /// N' of the N
        let outputs: Range<Int>
        /// Rows of W [N', K]
        let weight: Place
        let adapter: AdapterParameters?
    }

    /// One after the other: all of the trained matrices, or one of the frozen ones each.
    let pieces: [Piece]
    /// b [N]
    let bias: Place?
    /// N and K
    let outputs: Int
    let inputs: Int
}

/// The parameters of what LoRA adds to one matrix [N, K].
struct AdapterParameters: Sendable {
    /// r
    let rank: Int
    /// s
    let scale: Float
    /// N and K
    let outputs: Int
    let inputs: Int
    /// First elements of Aᵀ [K, r] and of B [N, r] in the trained vector.
    let down: Int
    let up: Int
    /// First element of DoRA's m [N], if there is one.
    let magnitude: Int?
    /// The module's number: no two drop the same elements.
    let module: Int

    /// The part of it that belongs to some of the outputs.
    func rows(_ range: Range<Int>) -> AdapterParameters {
        AdapterParameters(
            rank: rank, scale: scale, outputs: range.count, inputs: inputs, down: down,
            up: up + range.lowerBound * rank, magnitude: magnitude.map { $0 + range.lowerBound }, module: module)
    }
}
