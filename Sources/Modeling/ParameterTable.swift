/// Where every parameter lies in the one contiguous vector of values, and in its twin of gradients.
///
/// Matrices that multiply the same rows lie side by side (k beside v, gate beside up), so that one product serves both.
public struct ParameterTable: Sendable {
    /// A named range of the vector.
    public struct Parameter: Sendable, Equatable {
        /// The tensor's name in Hugging Face's files.
        public let name: String
        /// [outputs, inputs] for a matrix, [D] for a vector.
        public let shape: [Int]
        public let range: Range<Int>
        /// Whether weight decay applies, as transformers' trainers decide it: matrices, but no norms and no biases.
        public let decays: Bool
        /// What a fresh parameter holds before training.
        let fresh: Fresh
    }

    enum Fresh: Sendable { case normal, ones, zeros }

    /// First elements of one layer's parameters; a bias that the architecture doesn't have is nil.
    struct Block: Sendable {
        var attentionNorm = 0
        var query = 0
        var queryBias: Int?
        /// Keys' rows, then values'.
        var keyValue = 0
        var keyValueBias: Int?
        var output = 0
        var outputBias: Int?
        var feedForwardNorm = 0
        /// The gate's rows, then the up projection's.
        var gateUp = 0
        var gateUpBias: Int?
        var down = 0
        var downBias: Int?
    }

    public private(set) var parameters: [Parameter] = []
    /// Elements of the vector.
    public private(set) var count = 0
    private(set) var embedding = 0
    private(set) var blocks: [Block] = []
    private(set) var finalNorm = 0
    /// The head's [V, D]; the embedding's own place when they are tied.
    private(set) var head = 0

    public init(_ a: Architecture) {
        embedding = add("model.embed_tokens.weight", [a.vocabulary, a.width])
        for layer in 0..<a.layers {
            let prefix = "model.layers.\(layer)."
            let attention = prefix + "self_attn."
            let feedForward = prefix + "mlp."
            var block = Block()
            block.attentionNorm = add(prefix + "input_layernorm.weight", [a.width])
            block.query = add(attention + "q_proj.weight", [a.queryWidth, a.width])
            block.keyValue = add(attention + "k_proj.weight", [a.keyWidth, a.width])
            _ = add(attention + "v_proj.weight", [a.keyWidth, a.width])
            if a.queryKeyValueBias {
                block.queryBias = add(attention + "q_proj.bias", [a.queryWidth])
                block.keyValueBias = add(attention + "k_proj.bias", [a.keyWidth])
                _ = add(attention + "v_proj.bias", [a.keyWidth])
            }
            block.output = add(attention + "o_proj.weight", [a.width, a.queryWidth])
            if a.outputBias { block.outputBias = add(attention + "o_proj.bias", [a.width]) }
            block.feedForwardNorm = add(prefix + "post_attention_layernorm.weight", [a.width])
            block.gateUp = add(feedForward + "gate_proj.weight", [a.feedForward, a.width])
            _ = add(feedForward + "up_proj.weight", [a.feedForward, a.width])
            if a.feedForwardBias {
                block.gateUpBias = add(feedForward + "gate_proj.bias", [a.feedForward])
                _ = add(feedForward + "up_proj.bias", [a.feedForward])
            }
            block.down = add(feedForward + "down_proj.weight", [a.width, a.feedForward])
            if a.feedForwardBias { block.downBias = add(feedForward + "down_proj.bias", [a.width]) }
            blocks.append(block)
        }
        finalNorm = add("model.norm.weight", [a.width])
        head = a.tiedHead ? embedding : add("lm_head.weight", [a.vocabulary, a.width])
    }

    private mutating func add(_ name: String, _ shape: [Int]) -> Int {
        let start = count
        count += shape.reduce(1, *)
        let isNorm = name.hasSuffix("norm.weight")
        parameters.append(
            Parameter(
                name: name, shape: shape, range: start..<count, decays: shape.count > 1,
                fresh: isNorm ? .ones : shape.count > 1 ? .normal : .zeros))
        return start
    }
}
