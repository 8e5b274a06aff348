/// GPT-2: learned positions, layer norms, matrices stored [inputs, outputs].
extension Family {
    static let gpt2: Family = {
        var rules = ConfigRules()
        (rules.width, rules.layers, rules.heads, rules.keyHeads) = ("n_embd", "n_layer", "n_head", nil)
        (rules.feedForward, rules.feedForwardIsFourfold) = ("n_inner", true)
        (rules.positions, rules.usualPositions, rules.rotary) = ("n_positions", 1024, nil)
        (rules.epsilon, rules.usualEpsilon, rules.norm) = ("layer_norm_epsilon", 1e-5, .layer)
        (rules.activation, rules.usualActivation, rules.gated) = ("activation_function", "gelu_new", false)
        (rules.queryKeyValueBias, rules.outputBias, rules.feedForwardBias) = (.always, .always, .always)
        (rules.headWidth, rules.usuallyTied) = (nil, true)
        rules.finish = { fields, a throws(ModelError) in
            let scales = try fields.bool("scale_attn_weights", default: true)
            let dividesByLayer = try fields.bool("scale_attn_by_inverse_layer_idx", default: false)
            let scale = scales ? 1 / Double(a.headWidth).squareRoot() : 1
            for layer in a.layerKinds.indices {
                a.layerKinds[layer].scale = Float(dividesByLayer ? scale / Double(layer + 1) : scale)
            }
        }
        let names = TensorNames(
            prefix: "transformer.", embedding: "wte", positions: "wpe", layer: "h.", attentionNorm: "ln_1",
            feedForwardNorm: "ln_2", queryKeyValue: .stacked("attn.c_attn"), output: "attn.c_proj",
            gateUp: ["mlp.c_fc"], down: "mlp.c_proj", transposed: true, finalNorm: "ln_f")
        var gguf = GGUFRules("gpt2")
        (gguf.needsHead, gguf.nonlinearity) = (true, .geluTanh)
        return Family(
            name: "gpt2", className: "GPT2", rules: rules, tensors: names, gguf: gguf, adapterTargets: ["c_attn"])
    }()
}
