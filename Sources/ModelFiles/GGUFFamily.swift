import Checkpoints
import Glibc
import Kernels
import Modeling

/// A model's tensors and values as llama.cpp wants them, and what it can't express of its architecture.
struct GGUFFamily {
    private let architecture: Architecture
    private let rules: GGUFRules

    init(_ architecture: Architecture) { (self.architecture, rules) = (architecture, architecture.family.gguf) }

    // MARK: - Tensors

    /// In llama.cpp's usual order: embedding, layers, norm, head.
    func tensors(
        _ table: ParameterTable, directory: String, naming: TensorNaming
    ) throws(ModelError) -> [GGUFTensor] {
        var parameters: [String: ParameterTable.Parameter] = [:]
        for parameter in table.parameters { parameters[parameter.name] = parameter }
        let (a, names) = (architecture, architecture.family.tensors)
        let prefix = naming.hasPrefix ? names.prefix : ""
        var tensors: [GGUFTensor] = []
        func add(_ stored: String?, as name: String, _ order: GGUFTensor.RowOrder = .same) {
            guard let stored else { return }
            for suffix in [".weight", ".bias"] {
                guard let parameter = parameters[stored + suffix] else { continue }
                tensors.append(GGUFTensor(name: name + suffix, content: .stored(parameter, order)))
            }
        }
        let head = names.heads[naming.head]
        let embedding = naming.embeddingIsHead ? head : prefix + names.embedding
        let pairs: GGUFTensor.RowOrder = rules.interleavesRotary ? .neighbouringPairs(headWidth: a.headWidth) : .same
        if rules.interleavesRotary, let rotary = a.rotary, rotary.width != a.headWidth {
            throw .unsupported(
                file: "\(directory)/config.json", field: "partial_rotary_factor",
                found: "\(rotary.width) of \(a.headWidth)",
                supported: "the whole head, in a GGUF file of this family")
        }

        add(embedding, as: "token_embd")
        add(names.positions.map { prefix + $0 }, as: "position_embd")
        for layer in 0..<a.layers {
            let (from, to) = (prefix + names.layer + "\(layer).", "blk.\(layer).")
            add(names.attentionNorm.map { from + $0 }, as: to + "attn_norm")
            switch names.queryKeyValue {
            case .apart(let query, let key, let value):
                add(from + query, as: to + "attn_q", pairs)
                add(from + key, as: to + "attn_k", pairs)
                add(from + value, as: to + "attn_v")
            case .stacked(let all), .stackedByHead(let all): add(from + all, as: to + "attn_qkv")
            }
            add(names.queryNorm.map { from + $0 }, as: to + "attn_q_norm")
            add(names.keyNorm.map { from + $0 }, as: to + "attn_k_norm")
            add(from + names.output, as: to + "attn_output")
            add(names.attentionAfterNorm.map { from + $0 }, as: to + "post_attention_norm")
            add(names.feedForwardNorm.map { from + $0 }, as: to + "ffn_norm")
            if names.gateUp.count == 2 { add(from + names.gateUp[0], as: to + "ffn_gate") }
            add(from + names.gateUp[names.gateUp.count - 1], as: to + "ffn_up")
            add(from + names.down, as: to + "ffn_down")
            add(names.feedForwardAfterNorm.map { from + $0 }, as: to + "post_ffw_norm")
        }
        add(prefix + names.finalNorm, as: "output_norm")
        if !a.tiedHead {
            add(head, as: "output")
        } else if rules.needsHead {
            add(embedding, as: "output")
        }
        return tensors + frequencyTensors
    }

    /// Divisors of the frequencies, where a scaling has one for each pair.
    private var frequencyTensors: [GGUFTensor] {
        guard let rotary = architecture.rotary else { return [] }
        switch rotary.scaling {
        case .llama3:
            var plain = rotary
            plain.scaling = .none
            let divisors = zip(plain.values(), rotary.values()).map { Float($0 / $1) }
            return [GGUFTensor(name: "rope_freqs.weight", content: .values(divisors))]
        case .longRope(let short, let long, _, _):
            return [
                GGUFTensor(name: "rope_factors_long.weight", content: .values(long.map { Float($0) })),
                GGUFTensor(name: "rope_factors_short.weight", content: .values(short.map { Float($0) })),
            ]
        default: return []
        }
    }

    // MARK: - Values

    func values(name model: String, fileType: Int) -> [(name: String, value: GGUFFile.Value)] {
        let (a, name) = (architecture, rules.name)
        var values: [(name: String, value: GGUFFile.Value)] = [
            ("general.architecture", .string(name)), ("general.type", .string("model")),
            ("general.name", .string(model)), ("general.file_type", .uint32(fileType)),
            ("general.quantization_version", .uint32(2)),
        ]
        func add(_ key: String, _ value: GGUFFile.Value) { values.append(("\(name).\(key)", value)) }
        add("block_count", .uint32(a.layers))
        add("context_length", .uint32(a.positions))
        add("embedding_length", .uint32(a.width))
        add("feed_forward_length", .uint32(a.feedForward))
        add("vocab_size", .uint32(a.vocabulary))
        add("attention.head_count", .uint32(a.heads))
        add("attention.head_count_kv", .uint32(a.keyHeads))
        add("attention.key_length", .uint32(a.headWidth))
        add("attention.value_length", .uint32(a.headWidth))
        let epsilon = a.norm == .layer ? "layer_norm_epsilon" : "layer_norm_rms_epsilon"
        add("attention.\(epsilon)", .float32(a.normEpsilon))
        if rules.readsParallelResidual { add("use_parallel_residual", .bool(a.parallelResidual)) }
        if let cap = a.attentionCap { add("attn_logit_softcapping", .float32(cap)) }
        if let cap = a.logitCap { add("final_logit_softcapping", .float32(cap)) }
        if rules.readsWindow {
            add("attention.sliding_window", .uint32(a.layerKinds.compactMap(\.window).first ?? 0))
        }
        if let rotary = a.rotary { for (key, value) in rotaryValues(rotary) { add(key, value) } }
        return values
    }

    private func rotaryValues(_ rotary: RotaryFrequencies) -> [(String, GGUFFile.Value)] {
        var values: [(String, GGUFFile.Value)] = [
            ("rope.dimension_count", .uint32(2 * rotary.pairs)), ("rope.freq_base", .float32(Float(rotary.theta))),
        ]
        switch rotary.scaling {
        case .none, .dynamic, .llama3:
            if rules.readsOriginalPositions {
                values.append(("rope.scaling.original_context_length", .uint32(architecture.positions)))
            }
        case .linear(let factor):
            values += [
                ("rope.scaling.type", .string("linear")), ("rope.scaling.factor", .float32(Float(factor))),
            ]
        case .yarn(let yarn):
            values += [
                ("rope.scaling.type", .string("yarn")), ("rope.scaling.factor", .float32(Float(yarn.factor))),
                ("rope.scaling.original_context_length", .uint32(Int(yarn.originalPositions))),
                ("rope.scaling.yarn_beta_fast", .float32(Float(yarn.fast))),
                ("rope.scaling.yarn_beta_slow", .float32(Float(yarn.slow))),
            ]
        case .longRope(_, _, let original, let attention):
            values += [
                ("rope.scaling.original_context_length", .uint32(original)),
                ("rope.scaling.attn_factor", .float32(Float(attention))),
            ]
        }
        return values
    }

    // MARK: - What it can't express

    /// llama.cpp builds these into its code instead of reading them from the file.
    var notes: [String] {
        let a = architecture
        var notes: [String] = []
        func note(_ condition: Bool, _ text: String) {
            if condition { notes.append("llama.cpp's \(rules.name) " + text) }
        }
        note(
            !rules.readsWindow && a.layerKinds.contains { $0.window != nil },
            "attends to the whole text; this model's layers to a window of it")
        let usual = 1 / Float(a.headWidth).squareRoot()
        let others = a.layerKinds.contains { abs($0.scale - usual) > 1e-6 * usual }
        note(others && !rules.knowsScale(a), "scales attention by 1/√(head width); this model doesn't")
        note(
            a.nonlinearity != rules.nonlinearity,
            "has \(rules.nonlinearity) in its feed-forward networks; this model \(a.nonlinearity)")
        note(
            a.rotary != nil && a.layerKinds.indices.contains { a.layerKinds[$0].usesRotary != rules.usesRotary($0) },
            "has every fourth layer without positions; this model others")
        if case .dynamic = a.rotary?.scaling {
            note(
                true,
                "doesn't scale rotary positions by the text's length; this model does beyond \(a.positions) tokens")
        }
        note(
            a.queryKeyValueBias && rules.attentionBias == .never,
            "knows no biases in attention; this model has them")
        note(
            a.feedForwardBias && rules.feedForwardBias == .never,
            "knows no biases in feed-forward networks; this model has them")
        note(
            !a.queryKeyValueBias && rules.attentionBias == .always,
            "expects biases in attention; this model has none")
        note(!a.tiedHead && rules.tiesHead, "takes the embedding for the head; this model has its own")
        return notes
    }
}
