/// OLMo 2 (arXiv 2501.00656): norms after attention and the feed-forward network, and of whole rows of queries and keys.
extension Family {
    static let olmo2: Family = {
        var rules = ConfigRules()
        (rules.placement, rules.queryKeyNorm, rules.usualEpsilon) = (.after, .wholeWidth, 1e-5)
        rules.setAttentionBias(usually: false)
        var names = TensorNames.llamaWithQueryKeyNorms
        (names.attentionNorm, names.attentionAfterNorm) = (nil, "post_attention_layernorm")
        (names.feedForwardNorm, names.feedForwardAfterNorm) = (nil, "post_feedforward_layernorm")
        var gguf = GGUFRules("olmo2")
        (gguf.needsHead, gguf.attentionBias) = (true, .never)
        return Family(name: "olmo2", className: "Olmo2", rules: rules, tensors: names, gguf: gguf)
    }()
}
