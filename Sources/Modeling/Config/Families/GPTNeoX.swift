/// GPT-NeoX and Pythia (arXiv 2204.06745, 2304.01373): attention beside the feed-forward network, q, k and v head by head.
extension Family {
    static let gptNeoX: Family = {
        var rules = ConfigRules()
        (rules.keyHeads, rules.headWidth) = (nil, nil)
        (rules.epsilon, rules.usualEpsilon, rules.norm) = ("layer_norm_eps", 1e-5, .layer)
        (rules.usualActivation, rules.gated) = ("gelu", false)
        rules.setAttentionBias(usually: true)
        rules.feedForwardBias = .always
        rules.rotary?.theta = ["rotary_emb_base", "rope_theta"]
        rules.rotary?.share = ["rotary_pct", "partial_rotary_factor"]
        rules.rotary?.usualShare = 0.25
        rules.finish = { fields, a throws(ModelError) in
            a.parallelResidual = try fields.bool("use_parallel_residual", default: true)
        }
        let names = TensorNames(
            prefix: "gpt_neox.", embedding: "embed_in", layer: "layers.", attentionNorm: "input_layernorm",
            feedForwardNorm: "post_attention_layernorm",
            queryKeyValue: .stackedByHead("attention.query_key_value"), output: "attention.dense",
            gateUp: ["mlp.dense_h_to_4h"], down: "mlp.dense_4h_to_h", finalNorm: "final_layer_norm",
            heads: ["embed_out", "lm_head"])
        var gguf = GGUFRules("gptneox")
        (gguf.needsHead, gguf.nonlinearity, gguf.attentionBias) = (true, .geluTanh, .always)
        gguf.readsParallelResidual = true
        return Family(
            name: "gpt_neox", className: "GPTNeoX", rules: rules, tensors: names, gguf: gguf,
            adapterTargets: ["query_key_value"])
    }()
}
