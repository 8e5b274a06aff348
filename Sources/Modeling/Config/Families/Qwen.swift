/// Qwen 2 and 2.5 (arXiv 2407.10671, 2412.15115): biases in attention.
extension Family {
    static let qwen2: Family = {
        var rules = ConfigRules()
        (rules.usualKeyHeads, rules.usualPositions) = (32, 32_768)
        rules.queryKeyValueBias = .always
        rules.window = .upperLayers
        return Family(
            name: "qwen2", className: "Qwen2", rules: rules, tensors: .llama, gguf: GGUFRules("qwen2"),
            adapterTargets: ["q_proj", "v_proj"])
    }()
}

/// Qwen 3 (arXiv 2505.09388): norms of queries and keys instead.
extension Family {
    static let qwen3: Family = {
        var rules = ConfigRules()
        (rules.usualKeyHeads, rules.usualHeadWidth, rules.usualPositions) = (32, 128, 32_768)
        rules.setAttentionBias(usually: false)
        rules.queryKeyNorm = .head
        rules.window = .upperLayers
        var gguf = GGUFRules("qwen3")
        gguf.attentionBias = .never
        return Family(
            name: "qwen3", className: "Qwen3", rules: rules, tensors: .llamaWithQueryKeyNorms, gguf: gguf,
            adapterTargets: ["q_proj", "v_proj"])
    }()
}
