import Storage

/// The shape and the arithmetic of a decoder, as its `config.json` gives them: everything the one block needs to know.
///
/// Shape letters: T packed tokens, D width, F feed-forward width, H query heads, G key/value heads, E head width,
/// V vocabulary, L layers.
public struct Architecture: Sendable, Equatable {
    public var family: Family
    /// D
    public var width: Int
    /// F
    public var feedForward: Int
    /// L
    public var layers: Int
    /// H
    public var heads: Int
    /// G
    public var keyHeads: Int
    /// E
    public var headWidth: Int
    /// V
    public var vocabulary: Int
    /// `max_position_embeddings`: the longest sequence the model was made for.
    public var positions: Int
    public var normEpsilon: Float
    public var rotary: RotaryFrequencies
    /// Whether the head's weight is the embedding's.
    public var tiedHead: Bool
    public var queryKeyValueBias: Bool
    public var outputBias: Bool
    public var feedForwardBias: Bool
    /// Standard deviation of fresh random weights.
    public var initializerRange: Double
    /// Ids that end a text, from the config.
    public var endTokens: [Int32]

    /// The families whose `config.json` is understood. They differ in which fields they use, not in code.
    public enum Family: String, Sendable, CaseIterable {
        case llama, mistral, qwen2
    }

    public static var families: [String] { Family.allCases.map(\.rawValue) }

    /// Width of all query heads together: H · E.
    public var queryWidth: Int { heads * headWidth }
    /// Width of all key heads together: G · E.
    public var keyWidth: Int { keyHeads * headWidth }

    /// Parameters that take part in products with every packed row: all but the embedding and the head.
    public var blockParameters: Int {
        layers * (width * (2 * queryWidth + 2 * keyWidth) + 3 * width * feedForward)
    }
}

extension Architecture {
    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - config: the parsed file.
    ///   - file: its path, for messages.
    /// - Throws: `ModelError` naming the field that is missing, mistyped or asks for arithmetic that isn't implemented.
    public init(config: JSON, file: String) throws(ModelError) {
        guard let object = config.object else {
            throw .wrongType(file: file, field: "", found: config.kind, expected: "an object")
        }
        let fields = ConfigFields(object: object, file: file)
        let type = try fields.string("model_type") ?? "missing"
        guard let family = Family(rawValue: type) else { throw .family(file: file, found: type) }
        self.family = family

        width = try fields.size("hidden_size")
        feedForward = try fields.size("intermediate_size")
        layers = try fields.size("num_hidden_layers")
        heads = try fields.size("num_attention_heads")
        keyHeads = try fields.size("num_key_value_heads", default: heads)
        vocabulary = try fields.size("vocab_size")
        positions = try fields.size("max_position_embeddings", default: 2048)
        normEpsilon = Float(try fields.number("rms_norm_eps", default: 1e-6))
        initializerRange = try fields.number("initializer_range", default: 0.02)
        tiedHead = try fields.bool("tie_word_embeddings", default: false)
        guard heads % keyHeads == 0 else {
            throw .inconsistent(
                file: file, reason: "num_attention_heads \(heads) is not a multiple of num_key_value_heads \(keyHeads)")
        }
        if let given = try fields.optionalSize("head_dim") {
            headWidth = given
        } else {
            guard width % heads == 0 else {
                throw .inconsistent(
                    file: file,
                    reason:
                        "hidden_size \(width) is not a multiple of num_attention_heads \(heads), and there is no head_dim"
                )
            }
            headWidth = width / heads
        }
        guard headWidth % 2 == 0 else {
            throw .inconsistent(file: file, reason: "the head width \(headWidth) is odd; rotary positions need pairs")
        }

        switch family {
        case .llama:
            queryKeyValueBias = try fields.bool("attention_bias", default: false)
            outputBias = queryKeyValueBias
            feedForwardBias = try fields.bool("mlp_bias", default: false)
        case .mistral:
            (queryKeyValueBias, outputBias, feedForwardBias) = (false, false, false)
            try fields.require("sliding_window", isOneOf: [.null], supported: "null (attention to the whole text)")
        case .qwen2:
            (queryKeyValueBias, outputBias, feedForwardBias) = (true, false, false)
            try fields.require("use_sliding_window", isOneOf: [false, .null], supported: "false")
            try fields.requireFullAttention("layer_types")
        }
        try fields.require("hidden_act", isOneOf: ["silu", "swish"], supported: "silu")
        try fields.require("pretraining_tp", isOneOf: [1, .null], supported: "1")
        rotary = try RotaryFrequencies(fields: fields, headWidth: headWidth, positions: positions)
        endTokens = try fields.tokens("eos_token_id")
        try fields.refuseUnknown(family: family)
    }
}
