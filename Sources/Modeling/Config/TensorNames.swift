/// What a family's files call the tensors of the one block, and which of the block's matrices share a tensor.
package struct TensorNames {
    /// Before the names of all tensors but the head's; files saved from the decoder alone leave it out.
    package let prefix: String
    package let embedding: String
    /// The table of learned positions.
    package var positions: String?
    /// Followed by the layer's number and a point.
    package let layer: String
    /// Norms before attention and the feed-forward network, and after them.
    package var attentionNorm: String?
    package var attentionAfterNorm: String?
    package var feedForwardNorm: String?
    package var feedForwardAfterNorm: String?
    package let queryKeyValue: QueryKeyValue
    package var queryNorm: String?
    package var keyNorm: String?
    package let output: String
    /// The gate before the up projection, which may be one tensor; or the one projection of a network without a gate.
    package let gateUp: [String]
    package let down: String
    /// Whether matrices are stored [inputs, outputs].
    package var transposed = false
    package let finalNorm: String
    /// The first is what the family's own releases say.
    package var heads = ["lm_head"]

    package enum QueryKeyValue {
        case apart(query: String, key: String, value: String)
        /// All rows of q, then of k, then of v.
        case stacked(String)
        /// For each head its rows of q, of k and of v.
        case stackedByHead(String)
    }

    package static func of(_ family: Architecture.Family) -> TensorNames {
        switch family {
        case .llama, .mistral, .qwen2, .qwen3, .gemma, .smollm3, .gemma2, .olmo2, .phi3:
            var names = TensorNames(
                prefix: "model.", embedding: "embed_tokens", layer: "layers.", attentionNorm: "input_layernorm",
                feedForwardNorm: "post_attention_layernorm",
                queryKeyValue: family == .phi3
                    ? .stacked("self_attn.qkv_proj")
                    : .apart(query: "self_attn.q_proj", key: "self_attn.k_proj", value: "self_attn.v_proj"),
                output: "self_attn.o_proj",
                gateUp: family == .phi3 ? ["mlp.gate_up_proj"] : ["mlp.gate_proj", "mlp.up_proj"],
                down: "mlp.down_proj", finalNorm: "norm")
            if family == .qwen3 || family == .olmo2 {
                (names.queryNorm, names.keyNorm) = ("self_attn.q_norm", "self_attn.k_norm")
            }
            // "post_attention_layernorm" is before the feed-forward network in most, after attention in these.
            if family == .gemma2 {
                names.feedForwardNorm = "pre_feedforward_layernorm"
            } else if family == .olmo2 {
                (names.attentionNorm, names.feedForwardNorm) = (nil, nil)
            }
            if family == .gemma2 || family == .olmo2 {
                names.attentionAfterNorm = "post_attention_layernorm"
                names.feedForwardAfterNorm = "post_feedforward_layernorm"
            }
            return names
        case .gpt2:
            return TensorNames(
                prefix: "transformer.", embedding: "wte", positions: "wpe", layer: "h.", attentionNorm: "ln_1",
                feedForwardNorm: "ln_2", queryKeyValue: .stacked("attn.c_attn"), output: "attn.c_proj",
                gateUp: ["mlp.c_fc"], down: "mlp.c_proj", transposed: true, finalNorm: "ln_f")
        case .gptNeoX:
            return TensorNames(
                prefix: "gpt_neox.", embedding: "embed_in", layer: "layers.", attentionNorm: "input_layernorm",
                feedForwardNorm: "post_attention_layernorm",
                queryKeyValue: .stackedByHead("attention.query_key_value"), output: "attention.dense",
                gateUp: ["mlp.dense_h_to_4h"], down: "mlp.dense_4h_to_h", finalNorm: "final_layer_norm",
                heads: ["embed_out", "lm_head"])
        }
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
        let names = TensorNames.of(a.family)
        let probe = "\(names.layer)0.\(names.output).weight"
        hasPrefix = !tensors.contains(probe) || tensors.contains(names.prefix + probe)
        head = names.heads.firstIndex { tensors.contains("\($0).weight") } ?? 0
        embeddingIsHead =
            a.tiedHead && tensors.contains("\(names.heads[head]).weight")
            && !tensors.contains((hasPrefix ? names.prefix : "") + names.embedding + ".weight")
    }
}
