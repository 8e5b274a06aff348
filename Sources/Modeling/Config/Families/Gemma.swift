import Kernels

/// Gemma (arXiv 2403.08295).
extension Family {
    static let gemma: Family = {
        var rules = ConfigRules.gemma
        rules.usualKeyHeads = 16
        rules.nonlinearity = { fields, named throws(ModelError) in
            // The first releases say "gelu" and mean the approximation; the later field says what they mean.
            let found = named == .gelu ? .geluTanh : named
            if let newer = try fields.string("hidden_activation") {
                guard try fields.nonlinearity("hidden_activation", newer) == found else {
                    throw .inconsistent(
                        file: fields.file,
                        reason: "hidden_act \(try fields.string("hidden_act") ?? "gelu_pytorch_tanh") and "
                            + "hidden_activation \(newer) differ")
                }
            }
            return found
        }
        return Family(
            name: "gemma", className: "Gemma", rules: rules, tensors: .llama, gguf: .gemma("gemma"),
            adapterTargets: ["q_proj", "v_proj"])
    }()
}

/// Gemma 2 (arXiv 2408.00118): norms on both sides, soft caps, every other layer with a window.
extension Family {
    static let gemma2: Family = {
        var rules = ConfigRules.gemma
        rules.usualKeyHeads = 4
        (rules.placement, rules.activation, rules.window) = (.both, "hidden_activation", .alternating)
        rules.finish = { fields, a throws(ModelError) in
            a.attentionCap = try fields.cap("attn_logit_softcapping", usually: 50)
            a.logitCap = try fields.cap("final_logit_softcapping", usually: 30)
            let scalar = try fields.number("query_pre_attn_scalar", default: 256)
            guard scalar > 0 else { throw fields.wrong("query_pre_attn_scalar", .number(scalar), "a positive number") }
            for layer in a.layerKinds.indices { a.layerKinds[layer].scale = Float(1 / scalar.squareRoot()) }
            // Its own code doesn't read this one.
            fields.ignore("hidden_act")
        }
        var names = TensorNames.llama
        (names.attentionAfterNorm, names.feedForwardNorm) = ("post_attention_layernorm", "pre_feedforward_layernorm")
        names.feedForwardAfterNorm = "post_feedforward_layernorm"
        var gguf = GGUFRules.gemma("gemma2")
        gguf.readsWindow = true
        // The 27B model's, known by its depth.
        gguf.knowsScale = { $0.layers == 46 }
        return Family(
            name: "gemma2", className: "Gemma2", rules: rules, tensors: names, gguf: gguf,
            adapterTargets: ["q_proj", "v_proj"])
    }()
}

extension ConfigRules {
    fileprivate static let gemma: ConfigRules = {
        var rules = ConfigRules()
        (rules.usualHeadWidth, rules.usualPositions) = (256, 8192)
        (rules.norm, rules.usualActivation) = (.rmsAroundOne, "gelu_pytorch_tanh")
        (rules.scalesEmbeddings, rules.usuallyTied) = (true, true)
        rules.setAttentionBias(usually: false)
        return rules
    }()
}

extension GGUFRules {
    fileprivate static func gemma(_ name: String) -> GGUFRules {
        var rules = GGUFRules(name)
        (rules.nonlinearity, rules.attentionBias, rules.tiesHead) = (.geluTanh, .never, true)
        return rules
    }
}

extension ConfigFields {
    /// A soft cap: absent means the usual one, `null` none.
    fileprivate func cap(_ name: String, usually: Double) throws(ModelError) -> Float? {
        guard let value = self[name] else { return has(name) ? nil : Float(usually) }
        guard let number = value.double, number.isFinite, number > 0 else {
            throw wrong(name, value, "a positive number or null")
        }
        return Float(number)
    }
}
