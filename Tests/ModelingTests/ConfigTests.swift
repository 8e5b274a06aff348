import Modeling
import Storage
import Testing

/// The reading of `config.json` files of the families, and what is refused.
@Suite struct ConfigTests {
    private func read(_ type: String, _ fields: JSONObject) throws(ModelError) -> Architecture {
        var config: JSONObject = [
            "model_type": .string(type), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4,
            "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 50,
        ]
        // A null field counts as absent where a family doesn't have it.
        if ["gpt2", "gpt_neox"].contains(type) { config["num_key_value_heads"] = .null }
        if type == "gpt2" {
            config = ["model_type": "gpt2", "n_embd": 32, "n_layer": 4, "n_head": 4, "vocab_size": 50]
        }
        for (name, value) in fields.members { config[name] = value }
        return try Architecture(config: .object(config), file: "config.json")
    }

    private func windows(_ type: String, _ fields: JSONObject) throws -> [Int?] {
        try read(type, fields).layerKinds.map(\.window)
    }

    @Test("absent and null fields mean what the family's config class says")
    func defaults() throws {
        #expect(try windows("mistral", [:]) == [4096, 4096, 4096, 4096])
        #expect(try windows("mistral", ["sliding_window": .null]) == [nil, nil, nil, nil])
        #expect(try windows("phi3", [:]) == [nil, nil, nil, nil])
        #expect(try windows("gemma2", ["sliding_window": 8]) == [8, nil, 8, nil])
        #expect(try read("gemma2", [:]).logitCap == 30 && read("gemma2", [:]).attentionCap == 50)
        #expect(try read("gemma2", ["final_logit_softcapping": .null]).logitCap == nil)
        #expect(try read("gemma", [:]).headWidth == 256 && read("gemma", [:]).tiedHead)
        #expect(try read("qwen3", [:]).headWidth == 128 && !read("qwen3", [:]).tiedHead)
        #expect(try read("llama", ["num_key_value_heads": .null]).keyHeads == 4)
        #expect(try read("smollm3", [:]).layerKinds.map(\.usesRotary) == [true, true, true, false])
    }

    @Test("a sliding window of Qwen2 needs use_sliding_window, and begins at max_window_layers")
    func qwenWindows() throws {
        let fields: JSONObject = ["sliding_window": 8, "max_window_layers": 2]
        #expect(try windows("qwen2", fields) == [nil, nil, nil, nil])
        var used = fields
        used["use_sliding_window"] = true
        #expect(try windows("qwen2", used) == [nil, nil, 8, 8])
        used["layer_types"] = ["sliding_attention", "full_attention", "full_attention", "sliding_attention"]
        #expect(try windows("qwen2", used) == [8, nil, nil, 8])
    }

    @Test("both spellings of rotary positions give the same frequencies")
    func spellings() throws {
        let old = try read("llama", ["rope_theta": 500.0, "rope_scaling": ["type": "linear", "factor": 2.0]])
        let new = try read(
            "llama", ["rope_parameters": ["rope_type": "linear", "factor": 2.0, "rope_theta": 500.0]])
        #expect(old.positionEncoding == new.positionEncoding)
        let neox = try read("gpt_neox", ["rotary_pct": 0.5, "rotary_emb_base": 100])
        let newer = try read(
            "gpt_neox", ["rope_parameters": ["partial_rotary_factor": 0.5, "rope_theta": 100.0]])
        #expect(neox.positionEncoding == newer.positionEncoding)
    }

    static let refused: [(family: String, fields: JSONObject, words: [String])] = [
        ("llama", ["hidden_act": "quick_gelu"], ["hidden_act", "quick_gelu"]),
        ("llama", ["rope_scaling": ["type": "proportional"]], ["rope_type", "proportional"]),
        ("gemma", ["use_bidirectional_attention": true], ["use_bidirectional_attention"]),
        ("gpt2", ["add_cross_attention": true], ["add_cross_attention"]),
        ("qwen2", ["layer_types": ["sliding_attention", "full_attention"]], ["layer_types"]),
        ("qwen3", ["layer_types": ["chunked_attention", "a", "b", "c"]], ["layer_types", "chunked_attention"]),
        (
            "phi3", ["rope_scaling": ["type": "longrope", "short_factor": [1.0], "long_factor": [1.0]]],
            ["short_factor"]
        ),
        ("gemma2", ["attn_logit_softcapping": -1.0], ["attn_logit_softcapping"]),
        ("mixtral", [:], ["mixtral", "gpt_neox"]),
    ]

    @Test("what changes the arithmetic and isn't implemented is refused by name", arguments: refused.indices)
    func refusals(place: Int) throws {
        let (family, fields, words) = ConfigTests.refused[place]
        do throws(ModelError) {
            _ = try read(family, fields)
            Issue.record("\(family) \(words) was accepted")
        } catch {
            for word in ["config.json"] + words { #expect(error.description.contains(word), "\(error)") }
        }
    }
}
