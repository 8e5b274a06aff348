/// SmolLM3: every fourth layer without positions (arXiv 2501.18795).
extension Family {
    static let smollm3: Family = {
        var rules = ConfigRules()
        (rules.usualKeyHeads, rules.usualPositions, rules.usuallyTied) = (4, 32_768, true)
        rules.rotary?.usualTheta = 2_000_000
        rules.setAttentionBias(usually: false)
        rules.feedForwardBias = .field("mlp_bias", usually: false)
        rules.window = .layersWithoutRotary
        rules.rotaryLayers = { fields, count throws(ModelError) in
            let interval = try fields.size("no_rope_layer_interval", default: 4)
            guard let value = fields["no_rope_layers"] else { return (1...count).map { $0 % interval != 0 } }
            // 1 where a layer has rotary positions.
            let flags = (value.array ?? []).map { $0.integer ?? ($0.bool.map { $0 ? 1 : 0 }) ?? -1 }
            guard flags.count >= count, flags.allSatisfy({ $0 == 0 || $0 == 1 }) else {
                throw fields.wrong("no_rope_layers", value, "a list with 0 or 1 for each of the \(count) layers")
            }
            return flags.prefix(count).map { $0 == 1 }
        }
        var gguf = GGUFRules("smollm3")
        (gguf.interleavesRotary, gguf.attentionBias, gguf.feedForwardBias) = (true, .never, .never)
        gguf.usesRotary = { ($0 + 1) % 4 != 0 }
        return Family(name: "smollm3", className: "SmolLM3", rules: rules, tensors: .llama, gguf: gguf)
    }()
}
