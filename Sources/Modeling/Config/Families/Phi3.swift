/// Phi-3 and 3.5 mini (arXiv 2404.14219): q, k and v in one matrix, gate and up in another.
extension Family {
    static let phi3: Family = {
        var rules = ConfigRules()
        (rules.usualPositions, rules.usualEpsilon) = (4096, 1e-5)
        rules.window = .everywhere(usually: nil)
        rules.rotary?.synonyms = ["su": "longrope", "yarn": "longrope"]
        rules.rotary?.usualOriginalPositions = 4096
        var names = TensorNames.llama
        (names.queryKeyValue, names.gateUp) = (.stacked("self_attn.qkv_proj"), ["mlp.gate_up_proj"])
        var gguf = GGUFRules("phi3")
        (gguf.readsWindow, gguf.readsOriginalPositions) = (true, true)
        return Family(name: "phi3", className: "Phi3", rules: rules, tensors: names, gguf: gguf)
    }()
}
