/// Llama 1 to 3 (arXiv 2302.13971, 2307.09288, 2407.21783), and what publishes itself as Llama.
extension Family {
    static let llama: Family = {
        var rules = ConfigRules()
        rules.setAttentionBias(usually: false)
        rules.feedForwardBias = .field("mlp_bias", usually: false)
        var gguf = GGUFRules("llama")
        gguf.interleavesRotary = true
        return Family(
            name: "llama", className: "Llama", rules: rules, tensors: .llama, gguf: gguf,
            adapterTargets: ["q_proj", "v_proj"])
    }()
}

extension TensorNames {
    /// The names that most families have taken over.
    static let llama = TensorNames(
        prefix: "model.", embedding: "embed_tokens", layer: "layers.", attentionNorm: "input_layernorm",
        feedForwardNorm: "post_attention_layernorm",
        queryKeyValue: .apart(query: "self_attn.q_proj", key: "self_attn.k_proj", value: "self_attn.v_proj"),
        output: "self_attn.o_proj", gateUp: ["mlp.gate_proj", "mlp.up_proj"], down: "mlp.down_proj", finalNorm: "norm")

    /// The same with norms of queries and keys.
    static let llamaWithQueryKeyNorms: TensorNames = {
        var names = llama
        (names.queryNorm, names.keyNorm) = ("self_attn.q_norm", "self_attn.k_norm")
        return names
    }()
}
