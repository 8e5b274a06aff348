import Kernels

/// How a family's `config.json` is read: the names it gives to sizes, what its absent fields mean (as `transformers` has
/// it), and the arithmetic that no field says. One value per family; nothing else knows families apart but `TensorNames`.
struct FamilyRules {
    // Names of fields.
    var width = "hidden_size"
    /// Nil or absent: 4 D.
    var feedForward = "intermediate_size"
    var feedForwardIsFourfold = false
    var layers = "num_hidden_layers"
    package var heads = "num_attention_heads"
    /// Nil: one per query head.
    var keyHeads: String? = "num_key_value_heads"
    package var positions = "max_position_embeddings"
    var epsilon = "rms_norm_eps"
    var activation = "hidden_act"
    /// Nil: always D / H.
    var headWidth: String? = "head_dim"

    // What absent fields mean.
    /// Nil: as many as query heads.
    var usualKeyHeads: Int?
    /// Nil: D / H.
    var usualHeadWidth: Int?
    var usualPositions = 2048
    var usualEpsilon = 1e-6
    var usualActivation = "silu"
    var usuallyTied = false
    var usualTheta = 10_000.0

    // Arithmetic.
    var norm = Architecture.Norm.rms
    var placement = Architecture.Placement.before
    var gated = true
    var queryKeyNorm = Architecture.QueryKeyNorm.none
    var learnedPositions = false
    /// Whether embeddings are multiplied by √D.
    var scalesEmbeddings = false
    var queryKeyValueBias = Bias.never
    var outputBias = Bias.never
    var feedForwardBias = Bias.never
    var window = Window.none

    enum Bias {
        case never, always
        case field(String, usually: Bool)
    }

    enum Window {
        case none
        /// `sliding_window` in every layer.
        case everywhere(usually: Int?)
        /// `sliding_window` in the layers from `max_window_layers` on, if `use_sliding_window`.
        case upperLayers
        /// `sliding_window` in the first, third, … layer.
        case alternating
        /// `sliding_window` in the layers that don't turn, if `use_sliding_window`.
        case unturnedLayers
    }

    package static func of(_ family: Architecture.Family) -> FamilyRules {
        var rules = FamilyRules()
        switch family {
        case .llama:
            rules.setAttentionBias(usually: false)
            rules.feedForwardBias = .field("mlp_bias", usually: false)
        case .mistral:
            rules.usualKeyHeads = 8
            rules.usualPositions = 131_072
            rules.window = .everywhere(usually: 4096)
        case .qwen2:
            rules.usualKeyHeads = 32
            rules.usualPositions = 32_768
            rules.queryKeyValueBias = .always
            rules.window = .upperLayers
        case .qwen3:
            rules.usualKeyHeads = 32
            rules.usualHeadWidth = 128
            rules.usualPositions = 32_768
            rules.setAttentionBias(usually: false)
            rules.queryKeyNorm = .head
            rules.window = .upperLayers
        case .gpt2:
            (rules.width, rules.layers, rules.heads, rules.keyHeads) = ("n_embd", "n_layer", "n_head", nil)
            (rules.feedForward, rules.feedForwardIsFourfold) = ("n_inner", true)
            (rules.positions, rules.usualPositions, rules.learnedPositions) = ("n_positions", 1024, true)
            (rules.epsilon, rules.usualEpsilon, rules.norm) = ("layer_norm_epsilon", 1e-5, .layer)
            (rules.activation, rules.usualActivation, rules.gated) = ("activation_function", "gelu_new", false)
            (rules.queryKeyValueBias, rules.outputBias, rules.feedForwardBias) = (.always, .always, .always)
            (rules.headWidth, rules.usuallyTied) = (nil, true)
        case .gptNeoX:
            (rules.keyHeads, rules.headWidth) = (nil, nil)
            (rules.epsilon, rules.usualEpsilon, rules.norm) = ("layer_norm_eps", 1e-5, .layer)
            (rules.usualActivation, rules.gated) = ("gelu", false)
            rules.setAttentionBias(usually: true)
            rules.feedForwardBias = .always
        case .gemma, .gemma2:
            rules.usualKeyHeads = family == .gemma ? 16 : 4
            (rules.usualHeadWidth, rules.usualPositions) = (256, 8192)
            (rules.norm, rules.usualActivation) = (.rmsAroundOne, "gelu_pytorch_tanh")
            (rules.scalesEmbeddings, rules.usuallyTied) = (true, true)
            rules.setAttentionBias(usually: false)
            if family == .gemma2 {
                (rules.placement, rules.activation, rules.window) = (.both, "hidden_activation", .alternating)
            }
        case .phi3:
            (rules.usualPositions, rules.usualEpsilon) = (4096, 1e-5)
            rules.window = .everywhere(usually: nil)
        case .olmo2:
            (rules.placement, rules.queryKeyNorm, rules.usualEpsilon) = (.after, .wholeWidth, 1e-5)
            rules.setAttentionBias(usually: false)
        case .smollm3:
            (rules.usualKeyHeads, rules.usualPositions, rules.usualTheta) = (4, 32_768, 2_000_000)
            rules.usuallyTied = true
            rules.setAttentionBias(usually: false)
            rules.feedForwardBias = .field("mlp_bias", usually: false)
            rules.window = .unturnedLayers
        }
        return rules
    }

    private mutating func setAttentionBias(usually: Bool) {
        queryKeyValueBias = .field("attention_bias", usually: usually)
        outputBias = queryKeyValueBias
    }
}
