import Kernels

/// Rules for reading a family's `config.json`: its names of sizes, the meaning of absent fields (as `transformers` has
/// it), and the arithmetic that no field says.
struct ConfigRules: Sendable {
    // Names of fields.
    var width = "hidden_size"
    /// Nil or absent: 4 D.
    var feedForward = "intermediate_size"
    var feedForwardIsFourfold = false
    var layers = "num_hidden_layers"
    var heads = "num_attention_heads"
    /// Nil: one per query head.
    var keyHeads: String? = "num_key_value_heads"
    var positions = "max_position_embeddings"
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

    // Arithmetic.
    var norm = Architecture.Norm.rms
    var placement = Architecture.Placement.before
    var gated = true
    var queryKeyNorm = Architecture.QueryKeyNorm.none
    /// Nil: a learned table of positions.
    var rotary: Rotary? = Rotary()
    /// Whether embeddings are multiplied by √D.
    var scalesEmbeddings = false
    var queryKeyValueBias = Bias.never
    var outputBias = Bias.never
    var feedForwardBias = Bias.never
    var window = Window.none

    // What only this family's config says.
    /// Which of so many layers have rotary positions.
    var rotaryLayers: @Sendable (ConfigFields, _ count: Int) throws(ModelError) -> [Bool] = { _, count in
        Array(repeating: true, count: count)
    }
    /// The nonlinearity, given what the field of its name says.
    var nonlinearity: @Sendable (ConfigFields, Nonlinearity) throws(ModelError) -> Nonlinearity = { $1 }
    /// Reads the remaining fields into an architecture that has everything else.
    var finish: @Sendable (ConfigFields, inout Architecture) throws(ModelError) -> Void = { _, _ in }

    enum Bias: Sendable {
        case never, always
        case field(String, usually: Bool)
    }

    enum Window: Sendable {
        case none
        /// `sliding_window` in every layer.
        case everywhere(usually: Int?)
        /// `sliding_window` in the layers from `max_window_layers` on, if `use_sliding_window`.
        case upperLayers
        /// `sliding_window` in the first, third, … layer.
        case alternating
        /// `sliding_window` in the layers without rotary positions, if `use_sliding_window`.
        case layersWithoutRotary
    }

    /// Names and defaults of rotary positions. Where a family has older names beside the usual ones, they come first.
    struct Rotary: Sendable {
        var theta = ["rope_theta"]
        var share = ["partial_rotary_factor"]
        var usualTheta = 10_000.0
        var usualShare = 1.0
        /// The kinds of scaling, by the names that the family's releases call them.
        var synonyms: [String: String] = [:]
        /// The context a model was first trained with, where the config doesn't say; nil: its positions.
        var usualOriginalPositions: Int?
    }

    /// Attention's four biases together, by `attention_bias`.
    mutating func setAttentionBias(usually: Bool) {
        queryKeyValueBias = .field("attention_bias", usually: usually)
        outputBias = queryKeyValueBias
    }
}
