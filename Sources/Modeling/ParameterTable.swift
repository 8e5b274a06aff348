/// Where every parameter lies in the one contiguous vector of values, and in its twin of gradients.
///
/// Matrices that multiply the same rows lie side by side (k beside v, gate beside up), so that one product serves both.
public struct ParameterTable: Sendable {
    /// A named range of the vector: one tensor of the files.
    public struct Parameter: Sendable, Equatable {
        /// The tensor's name in Hugging Face's files.
        public let name: String
        /// The tensor's shape there: [outputs, inputs] for a matrix (see `layout`), [D] for a vector.
        public let shape: [Int]
        public let range: Range<Int>
        /// How the tensor's elements lie in the range.
        public let layout: TensorLayout
        /// Whether weight decay applies, as transformers' trainers decide it: matrices, but no norms and no biases.
        public let decays: Bool
        /// What a fresh parameter holds before training.
        let fresh: Fresh
    }

    enum Fresh: Sendable { case normal, ones, zeros }

    /// One layer's parameters, by their places in the vector.
    struct Block: Sendable {
        /// Before attention.
        let attentionNorm: Normalization?
        let query: Projection
        /// Keys' rows, then values'.
        let keyValue: Projection
        let queryNorm: Normalization?
        let keyNorm: Normalization?
        let output: Projection
        /// Between attention and the sum it is added to.
        let attentionAfterNorm: Normalization?
        /// Before the feed-forward network.
        let feedForwardNorm: Normalization?
        /// The gate's rows, then the up projection's; or the one projection of a network without a gate.
        let gateUp: Projection
        let down: Projection
        let feedForwardAfterNorm: Normalization?
    }

    public private(set) var parameters: [Parameter] = []
    /// Elements of the vector.
    public private(set) var count = 0
    /// The head's name where it is the embedding: files may hold it a second time.
    public let tiedHeadName: String?
    private(set) var embedding = 0
    private(set) var positions: Int?
    private(set) var blocks: [Block] = []
    private(set) var finalNorm = Normalization(kind: .rms, weight: 0, bias: nil, epsilon: 0, parts: 1)
    /// The head's [V, D]; the embedding's own place when they are tied.
    private(set) var head = 0

    /// With the names that the family's own releases use.
    public init(_ a: Architecture) { self.init(a, naming: TensorNaming()) }

    init(_ a: Architecture, naming: TensorNaming) {
        let names = TensorNames.of(a.family)
        let prefix = naming.hasPrefix ? names.prefix : ""
        let headName = names.heads[naming.head] + ".weight"
        tiedHeadName = a.tiedHead ? headName : nil
        embedding = add(
            naming.embeddingIsHead ? headName : prefix + names.embedding + ".weight", [a.vocabulary, a.width])
        positions = names.positions.map { add(prefix + $0 + ".weight", [a.positions, a.width]) }
        for layer in 0..<a.layers { addBlock(prefix + names.layer + "\(layer).", names, a) }
        finalNorm = addNorm(prefix + names.finalNorm, a.width, a)
        head = a.tiedHead ? embedding : add(headName, [a.vocabulary, a.width])
    }

    /// The order of its lines is the order in the vector.
    private mutating func addBlock(_ name: String, _ names: TensorNames, _ a: Architecture) {
        let attentionNorm = names.attentionNorm.map { addNorm(name + $0, a.width, a) }
        let (query, keyValue) = addQueryKeyValue(name, names, a)
        let headWidth = a.queryKeyNorm == .head ? a.headWidth : nil
        let queryNorm = names.queryNorm.map { addNorm(name + $0, headWidth ?? a.queryWidth, parts: a.queryParts, a) }
        let keyNorm = names.keyNorm.map { addNorm(name + $0, headWidth ?? a.keyWidth, parts: a.keyParts, a) }
        let layout: TensorLayout = names.transposed ? .transposed : .same
        let output = addProjection([name + names.output], a.width, a.queryWidth, bias: a.outputBias, layout)
        let attentionAfterNorm = names.attentionAfterNorm.map { addNorm(name + $0, a.width, a) }
        let feedForwardNorm = names.feedForwardNorm.map { addNorm(name + $0, a.width, a) }
        let gateUp = addProjection(
            names.gateUp.map { name + $0 }, a.hiddenWidth / names.gateUp.count, a.width, bias: a.feedForwardBias,
            layout)
        let down = addProjection([name + names.down], a.width, a.feedForward, bias: a.feedForwardBias, layout)
        blocks.append(
            Block(
                attentionNorm: attentionNorm, query: query, keyValue: keyValue, queryNorm: queryNorm, keyNorm: keyNorm,
                output: output, attentionAfterNorm: attentionAfterNorm, feedForwardNorm: feedForwardNorm,
                gateUp: gateUp, down: down,
                feedForwardAfterNorm: names.feedForwardAfterNorm.map { addNorm(name + $0, a.width, a) }))
    }

    private mutating func addQueryKeyValue(
        _ name: String, _ names: TensorNames, _ a: Architecture
    ) -> (query: Projection, keyValue: Projection) {
        let stacked: Projection
        switch names.queryKeyValue {
        case .apart(let query, let key, let value):
            return (
                addProjection([name + query], a.queryWidth, a.width, bias: a.queryKeyValueBias),
                addProjection([name + key, name + value], a.keyWidth, a.width, bias: a.queryKeyValueBias)
            )
        case .stacked(let all):
            stacked = addProjection(
                [name + all], a.queryWidth + 2 * a.keyWidth, a.width, bias: a.queryKeyValueBias,
                names.transposed ? .transposed : .same)
        case .stackedByHead(let all):
            stacked = addProjection(
                [name + all], a.queryWidth + 2 * a.keyWidth, a.width, bias: a.queryKeyValueBias,
                .byHead(heads: a.heads, parts: 3))
        }
        return (stacked.rows(0..<a.queryWidth), stacked.rows(a.queryWidth..<stacked.outputs))
    }

    private mutating func addNorm(_ name: String, _ width: Int, parts: Int = 1, _ a: Architecture) -> Normalization {
        let weight = add(name + ".weight", [width], fresh: a.norm == .rmsAroundOne ? .zeros : .ones)
        let bias = a.norm == .layer ? add(name + ".bias", [width], fresh: .zeros) : nil
        return Normalization(kind: a.norm, weight: weight, bias: bias, epsilon: a.normEpsilon, parts: parts)
    }

    /// Matrices of the same shape that multiply the same rows, one below the other, and their biases after them.
    private mutating func addProjection(
        _ names: [String], _ outputs: Int, _ inputs: Int, bias: Bool, _ layout: TensorLayout = .same
    ) -> Projection {
        let shape = layout == .transposed ? [inputs, outputs] : [outputs, inputs]
        let weight = names.map { add($0 + ".weight", shape, layout) }[0]
        let biasLayout = layout == .transposed ? .same : layout
        let biases = bias ? names.map { add($0 + ".bias", [outputs], biasLayout, fresh: .zeros) } : []
        return Projection(weight: weight, bias: biases.first, outputs: names.count * outputs, inputs: inputs)
    }

    private mutating func add(
        _ name: String, _ shape: [Int], _ layout: TensorLayout = .same, fresh: Fresh = .normal
    ) -> Int {
        let start = count
        count += shape.reduce(1, *)
        parameters.append(
            Parameter(
                name: name, shape: shape, range: start..<count, layout: layout, decays: shape.count > 1, fresh: fresh))
        return start
    }
}
