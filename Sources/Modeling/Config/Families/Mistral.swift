/// Mistral (arXiv 2310.06825).
extension Family {
    static let mistral: Family = {
        var rules = ConfigRules()
        (rules.usualKeyHeads, rules.usualPositions) = (8, 131_072)
        rules.window = .everywhere(usually: 4096)
        var gguf = GGUFRules("llama")
        gguf.interleavesRotary = true
        return Family(
            name: "mistral", className: "Mistral", rules: rules, tensors: .llama, gguf: gguf,
            adapterTargets: ["q_proj", "v_proj"])
    }()
}
