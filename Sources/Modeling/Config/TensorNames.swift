/// A family's names of the block's tensors, and the matrices that share a tensor in its files.
package struct TensorNames: Sendable {
    /// Before the names of all tensors but the head's; files saved from the decoder alone leave it out.
    package var prefix: String
    package var embedding: String
    /// The table of learned positions.
    package var positions: String?
    /// Followed by the layer's number and a point.
    package var layer: String
    /// Norms before attention and the feed-forward network, and after them.
    package var attentionNorm: String?
    package var attentionAfterNorm: String?
    package var feedForwardNorm: String?
    package var feedForwardAfterNorm: String?
    package var queryKeyValue: QueryKeyValue
    package var queryNorm: String?
    package var keyNorm: String?
    package var output: String
    /// The gate before the up projection, which may be one tensor; or the one projection of a network without a gate.
    package var gateUp: [String]
    package var down: String
    /// Whether matrices are stored [inputs, outputs].
    package var transposed = false
    package var finalNorm: String
    /// The first is what the family's own releases say.
    package var heads = ["lm_head"]

    /// The head of a reward model, in every family.
    package static let score = "score"

    /// The layouts of stored queries, keys and values.
    package enum QueryKeyValue: Sendable {
        case apart(query: String, key: String, value: String)
        /// All rows of q, then of k, then of v.
        case stacked(String)
        /// For each head its rows of q, of k and of v.
        case stackedByHead(String)
    }
}

/// Which of the names that `transformers` accepts a checkpoint uses.
package struct TensorNaming: Sendable, Equatable {
    /// Whether names begin with the family's prefix.
    package var hasPrefix = true
    /// The head's name, its number in `TensorNames.heads`.
    package var head = 0
    /// Whether a head that is the embedding is stored under the head's name only.
    package var embeddingIsHead = false

    package init() {}

    /// The naming of a checkpoint with these tensors; the usual one where they don't tell.
    package init(of tensors: Set<String>, _ a: Architecture) {
        let names = a.family.tensors
        let probe = "\(names.layer)0.\(names.output).weight"
        hasPrefix = !tensors.contains(probe) || tensors.contains(names.prefix + probe)
        head = names.heads.firstIndex { tensors.contains("\($0).weight") } ?? 0
        embeddingIsHead =
            a.tiedHead && tensors.contains("\(names.heads[head]).weight")
            && !tensors.contains((hasPrefix ? names.prefix : "") + names.embedding + ".weight")
    }
}
