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

    /// One layer's parameters, by their places in the vector.
    struct Block: Sendable {
        let attentionNorm: Normalization
        let query: Projection
        /// Keys' rows, then values'.
        let keyValue: Projection
        let output: Projection
        let feedForwardNorm: Normalization
        /// The gate's rows, then the up projection's.
        let gateUp: Projection
        let down: Projection
    }

    public private(set) var parameters: [Parameter] = []
    /// Elements of the vector.
    public private(set) var count = 0
    private(set) var embedding = 0
    private(set) var blocks: [Block] = []
    private(set) var finalNorm = Normalization(weight: 0, epsilon: 0)
    /// The head's [V, D]; the embedding's own place when they are tied.
    private(set) var head = 0

    public init(_ a: Architecture) {
        embedding = add("model.embed_tokens.weight", [a.vocabulary, a.width])
        for layer in 0..<a.layers {
            let name = "model.layers.\(layer)."
            // The order of these lines is the order in the vector.
            blocks.append(
                Block(
                    attentionNorm: addNorm(name + "input_layernorm", a),
                    query: addProjection([name + "self_attn.q_proj"], a.queryWidth, a.width, bias: a.queryKeyValueBias),
                    keyValue: addProjection(
                        [name + "self_attn.k_proj", name + "self_attn.v_proj"], a.keyWidth, a.width,
                        bias: a.queryKeyValueBias),
                    output: addProjection([name + "self_attn.o_proj"], a.width, a.queryWidth, bias: a.outputBias),
                    feedForwardNorm: addNorm(name + "post_attention_layernorm", a),
                    gateUp: addProjection(
                        [name + "mlp.gate_proj", name + "mlp.up_proj"], a.feedForward, a.width, bias: a.feedForwardBias),
                    down: addProjection([name + "mlp.down_proj"], a.width, a.feedForward, bias: a.feedForwardBias)))
        }
        finalNorm = addNorm("model.norm", a)
        head = a.tiedHead ? embedding : add("lm_head.weight", [a.vocabulary, a.width])
    }

    private mutating func addNorm(_ name: String, _ a: Architecture) -> Normalization {
        Normalization(weight: add(name + ".weight", [a.width]), epsilon: a.normEpsilon)
    }

    /// Matrices of the same shape that multiply the same rows, one below the other, and their biases after them.
    private mutating func addProjection(_ names: [String], _ outputs: Int, _ inputs: Int, bias: Bool) -> Projection {
        let weight = names.map { add($0 + ".weight", [outputs, inputs]) }[0]
        let biases = bias ? names.map { add($0 + ".bias", [outputs]) } : []
        return Projection(weight: weight, bias: biases.first, outputs: names.count * outputs, inputs: inputs)
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
