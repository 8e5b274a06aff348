import Checkpoints

/// The places of all parameters: what is trained in one contiguous vector of values, and in its twin of gradients; what
/// isn't beside it.
///
/// Matrices that multiply the same rows lie side by side (k beside v, gate beside up), so that one product serves both.
package struct ParameterTable: Sendable {
    /// A named range of a vector: one tensor of the files.
    package struct Parameter: Sendable, Equatable {
        /// The tensor's name in Hugging Face's files.
        package let name: String
        /// The tensor's shape there: [outputs, inputs] for a matrix (see `layout`), [D] for a vector.
        package let shape: [Int]
        package let range: Range<Int>
        /// The order of the tensor's elements in the range.
        package let layout: TensorLayout
        /// Whether weight decay applies, as transformers' trainers decide it: matrices, but no norms and no biases.
        package let decays: Bool
        /// The values of a fresh parameter before training.
        package let fresh: Fresh
    }

    /// The values of a parameter before any training.
    package enum Fresh: Sendable, Equatable {
        case normal, ones, zeros
        /// Uniform within ±1/√inputs, or normal with a deviation of 1/r: PEFT's for an adapter's A.
        case uniform(inputs: Int)
        case gaussian(rank: Int)
        /// The norms of the rows of the frozen matrix that is adapted.
        case rowNorms(matrix: Int)
    }

    /// A matrix that isn't trained: a tensor, or some of its rows.
    struct FrozenMatrix: Sendable {
        let tensor: Parameter
        var rows: Range<Int>?
    }

    /// The trained vector's, as far as files of the model have them.
    package private(set) var parameters: [Parameter] = []
    /// Elements of the trained vector.
    package private(set) var count = 0
    /// Norms and biases of a model that isn't trained as a whole, with their ranges of a vector of `frozenCount` elements.
    /// Its matrices and they are numbered alike whatever is trained beside them or in their place.
    private(set) var frozenVectors: [Parameter] = []
    private(set) var frozenCount = 0
    private(set) var frozenMatrices: [FrozenMatrix] = []
    /// Of the parameters that are trained as a whole beside adapters, the name and that of the base's tensor.
    private(set) var savedTensors: [(name: String, tensor: String)] = []
    /// The tensors of the blocks' matrices, in a model that isn't trained as a whole.
    private(set) var linearTensors: [Parameter] = []
    /// The linear modules of the blocks, and the other modules beginning with the embedding, by transformers' names.
    package private(set) var linearModules: [String] = []
    package private(set) var otherModules: [String] = []
    package let trainable: Trainable
    package let output: Architecture.Output
    /// See `Family`.
    let className: String
    /// The head's name where it is the embedding: files may hold it a second time.
    package let tiedHeadName: String?
    private(set) var embedding = Place.trained(0)
    private(set) var positions: Place?
    private(set) var blocks: [BlockParameters] = []
    /// Where the trained parameters of each block begin, and where those of the last one end.
    private(set) var blockBorders: [Int] = []
    private(set) var finalNorm = NormParameters(weight: .trained(0), bias: nil)
    /// The head's [V, D], or [1, D] of a reward model; the embedding's own place when they are tied.
    private(set) var head = Place.trained(0)
    /// [1, D], what values are read with: at the end of the trained vector, zero before training, and in no file of a model.
    package private(set) var valueHead: Parameter?
    /// Before the names of the files' tensors, where the modules' own names begin with `modulePrefix`.
    private let filePrefix: String
    private let modulePrefix: String
    private let headNames: [String]
    private var moduleCount = 0

    /// With the names that the family's own releases use.
    package init(_ a: Architecture, training trainable: Trainable = .everything) {
        self.init(a, naming: TensorNaming(), training: trainable)
    }

    package init(_ a: Architecture, naming: TensorNaming, training trainable: Trainable = .everything) {
        self.trainable = trainable
        let names = a.family.tensors
        let prefix = naming.hasPrefix ? names.prefix : ""
        (filePrefix, modulePrefix, headNames) = (prefix, names.prefix, names.heads + [TensorNames.score])
        (output, className) = (a.output, a.family.className)
        let headName = (a.isRewardModel ? TensorNames.score : names.heads[naming.head]) + ".weight"
        tiedHeadName = a.tiedHead ? headName : nil
        embedding = addMatrix(
            naming.embeddingIsHead ? headName : prefix + names.embedding + ".weight", [a.vocabulary, a.width])
        positions = names.positions.map { addMatrix(prefix + $0 + ".weight", [a.positions, a.width]) }
        for layer in 0..<a.layers {
            blockBorders.append(count)
            addBlock(prefix + names.layer + "\(layer).", names, a)
        }
        blockBorders.append(count)
        finalNorm = addNorm(prefix + names.finalNorm, a.width, a)
        head = a.tiedHead ? embedding : addMatrix(headName, [a.outputs, a.width])
        if a.output == .logitsAndValues { addValueHead(a.width) }
    }

    private mutating func addValueHead(_ width: Int) {
        valueHead = Parameter(
            name: "value_head.weight", shape: [1, width], range: count..<count + width, layout: .same, decays: true,
            fresh: .zeros)
        count += width
    }

    /// All that is trained, in the order of the vector.
    package var trainedParameters: [Parameter] { parameters + (valueHead.map { [$0] } ?? []) }

    /// The order of its lines is the order in the vector.
    private mutating func addBlock(_ name: String, _ names: TensorNames, _ a: Architecture) {
        let attentionNorm = names.attentionNorm.map { addNorm(name + $0, a.width, a) }
        let (query, keyValue) = addQueryKeyValue(name, names, a)
        let headWidth = a.queryKeyNorm == .head ? a.headWidth : nil
        let queryNorm = names.queryNorm.map { addNorm(name + $0, headWidth ?? a.queryWidth, a) }
        let keyNorm = names.keyNorm.map { addNorm(name + $0, headWidth ?? a.keyWidth, a) }
        let layout: TensorLayout = names.transposed ? .transposed : .same
        let output = addLinear([name + names.output], a.width, a.queryWidth, bias: a.outputBias, layout)
        let attentionAfterNorm = names.attentionAfterNorm.map { addNorm(name + $0, a.width, a) }
        let feedForwardNorm = names.feedForwardNorm.map { addNorm(name + $0, a.width, a) }
        let gateUp = addLinear(
            names.gateUp.map { name + $0 }, a.hiddenWidth / names.gateUp.count, a.width, bias: a.feedForwardBias,
            layout)
        let down = addLinear([name + names.down], a.width, a.feedForward, bias: a.feedForwardBias, layout)
        blocks.append(
            BlockParameters(
                attentionNorm: attentionNorm, query: query, keyValue: keyValue, queryNorm: queryNorm, keyNorm: keyNorm,
                output: output, attentionAfterNorm: attentionAfterNorm, feedForwardNorm: feedForwardNorm,
                gateUp: gateUp, down: down,
                feedForwardAfterNorm: names.feedForwardAfterNorm.map { addNorm(name + $0, a.width, a) }))
    }

    private mutating func addQueryKeyValue(
        _ name: String, _ names: TensorNames, _ a: Architecture
    ) -> (query: LinearParameters, keyValue: LinearParameters) {
        let (stacked, layout): (String, TensorLayout)
        switch names.queryKeyValue {
        case .apart(let query, let key, let value):
            return (
                addLinear([name + query], a.queryWidth, a.width, bias: a.queryKeyValueBias, .same),
                addLinear([name + key, name + value], a.keyWidth, a.width, bias: a.queryKeyValueBias, .same)
            )
        case .stacked(let all): (stacked, layout) = (all, names.transposed ? .transposed : .same)
        case .stackedByHead(let all): (stacked, layout) = (all, .byHead(heads: a.heads, parts: 3))
        }
        let whole = addLinear(
            [name + stacked], a.queryWidth + 2 * a.keyWidth, a.width, bias: a.queryKeyValueBias, layout)
        return (rows(0..<a.queryWidth, of: whole), rows(a.queryWidth..<whole.outputs, of: whole))
    }

    private mutating func addNorm(_ name: String, _ width: Int, _ a: Architecture) -> NormParameters {
        otherModules.append(moduleName(name))
        let trains = trains(module: name)
        let fresh: Fresh = a.norm == .rmsAroundOne ? .zeros : .ones
        let weight = addVector(name + ".weight", width, fresh: fresh, trains: trains)
        let bias = a.norm == .layer ? addVector(name + ".bias", width, fresh: .zeros, trains: trains) : nil
        return NormParameters(weight: weight, bias: bias)
    }

    /// Matrices of the same shape that multiply the same rows, one below the other, and their biases after them.
    private mutating func addLinear(
        _ names: [String], _ outputs: Int, _ inputs: Int, bias: Bool, _ layout: TensorLayout
    ) -> LinearParameters {
        let trains = trainable == .everything
        let shape = layout == .transposed ? [inputs, outputs] : [outputs, inputs]
        let all = 0..<names.count * outputs
        var pieces: [LinearParameters.Piece] = []
        if trains {
            let weights = names.map { addTrained($0 + ".weight", shape, layout) }
            pieces = [LinearParameters.Piece(outputs: all, weight: weights[0], adapter: nil)]
        } else {
            for (number, name) in names.enumerated() {
                let tensor = frozen(name + ".weight", shape, layout)
                linearTensors.append(tensor)
                frozenMatrices.append(FrozenMatrix(tensor: tensor))
                let adapter = addAdapter(name, outputs, inputs, onMatrix: frozenMatrices.count - 1, layout)
                pieces.append(
                    LinearParameters.Piece(
                        outputs: number * outputs..<(number + 1) * outputs,
                        weight: .frozen(frozenMatrices.count - 1), adapter: adapter))
            }
        }
        let biasLayout = layout == .transposed ? .same : layout
        let biases =
            bias
            ? names.map { addVector($0 + ".bias", outputs, biasLayout, fresh: .zeros, trains: trains) } : []
        return LinearParameters(pieces: pieces, bias: biases.first, outputs: all.count, inputs: inputs)
    }

    /// Some of the outputs of a map of one piece as a map of their own.
    private mutating func rows(_ range: Range<Int>, of whole: LinearParameters) -> LinearParameters {
        let weight: Place
        switch whole.pieces[0].weight {
        case .trained(let start): weight = .trained(start + range.lowerBound * whole.inputs)
        case .frozen(let number):
            frozenMatrices.append(FrozenMatrix(tensor: frozenMatrices[number].tensor, rows: range))
            weight = .frozen(frozenMatrices.count - 1)
        }
        let adapter = whole.pieces[0].adapter?.rows(range)
        return LinearParameters(
            pieces: [LinearParameters.Piece(outputs: 0..<range.count, weight: weight, adapter: adapter)],
            bias: whole.bias?.advanced(by: range.lowerBound), outputs: range.count, inputs: whole.inputs)
    }

    // MARK: - Adapters

    private mutating func addAdapter(
        _ name: String, _ outputs: Int, _ inputs: Int, onMatrix matrix: Int, _ layout: TensorLayout
    ) -> AdapterParameters? {
        let module = moduleName(name)
        linearModules.append(module)
        guard case .adapters(let adaptation) = trainable, adaptation.modules.contains(module) else { return nil }
        let r = adaptation.config.loraRank
        let fresh: Fresh =
            switch adaptation.config.initialization {
            case .standard, .random: .uniform(inputs: inputs)
            case .gaussian: .gaussian(rank: r)
            }
        // Kept as its transpose, as narrow products read and write it.
        let down = addAdapted(AdapterNames.a(module), [r, inputs], .transposed, fresh: fresh)
        let up = addAdapted(
            AdapterNames.b(module), [outputs, r], layout == .transposed ? .same : layout,
            fresh: adaptation.config.initialization == .random ? .uniform(inputs: r) : .zeros)
        var magnitude: Int?
        if adaptation.config.usesDoRA {
            magnitude = addAdapted(
                AdapterNames.magnitude(module), [outputs], layout == .transposed ? .same : layout,
                fresh: .rowNorms(matrix: matrix))
        }
        defer { moduleCount += 1 }
        return AdapterParameters(
            rank: r, scale: Float(adaptation.config.scaling), outputs: outputs, inputs: inputs, down: down, up: up,
            magnitude: magnitude, module: moduleCount)
    }

    private mutating func addAdapted(_ name: String, _ shape: [Int], _ layout: TensorLayout, fresh: Fresh) -> Int {
        guard case .trained(let start) = addTrained(name, shape, layout, fresh: fresh) else { return 0 }
        return start
    }

    /// A module's name in transformers, whatever prefix the files leave out.
    private func moduleName(_ name: String) -> String {
        filePrefix.isEmpty && !headNames.contains { name.hasPrefix($0) } ? modulePrefix + name : name
    }

    private var isOfRewardModel: Bool { if case .reward = output { true } else { false } }

    /// Whether a tensor of the files is the head that a reward model doesn't have.
    func leavesOut(_ tensor: String) -> Bool {
        isOfRewardModel && headNames.contains { tensor == $0 + ".weight" && $0 != TensorNames.score }
    }

    /// Whether a module that isn't adapted is trained as a whole.
    private func trains(module name: String) -> Bool {
        switch trainable {
        case .everything: true
        case .nothing: false
        case .adapters(let adaptation): adaptation.savedModules.contains(moduleName(name))
        }
    }

    // MARK: - Places

    private mutating func addMatrix(_ name: String, _ shape: [Int]) -> Place {
        let module = String(name.dropLast(".weight".count))
        otherModules.append(moduleName(module))
        if trainable != .everything { frozenMatrices.append(FrozenMatrix(tensor: frozen(name, shape, .same))) }
        if trains(module: module) { return addWhole(name, shape) }
        return .frozen(frozenMatrices.count - 1)
    }

    private mutating func addVector(
        _ name: String, _ width: Int, _ layout: TensorLayout = .same, fresh: Fresh, trains: Bool
    ) -> Place {
        let start = frozenCount
        if trainable != .everything {
            frozenCount += width
            frozenVectors.append(
                Parameter(
                    name: name, shape: [width], range: start..<frozenCount, layout: layout, decays: false,
                    fresh: fresh))
        }
        return trains ? addWhole(name, [width], layout, fresh: fresh) : .frozen(start)
    }

    /// A tensor that is trained as a whole, by PEFT's name if that is beside adapters.
    private mutating func addWhole(
        _ name: String, _ shape: [Int], _ layout: TensorLayout = .same, fresh: Fresh = .normal
    ) -> Place {
        guard case .adapters = trainable else { return addTrained(name, shape, layout, fresh: fresh) }
        let saved = AdapterNames.saved(moduleName(name))
        savedTensors.append((saved, name))
        return addTrained(saved, shape, layout, fresh: fresh)
    }

    private func frozen(_ name: String, _ shape: [Int], _ layout: TensorLayout) -> Parameter {
        Parameter(
            name: name, shape: shape, range: 0..<shape.reduce(1, *), layout: layout, decays: true, fresh: .normal)
    }

    private mutating func addTrained(
        _ name: String, _ shape: [Int], _ layout: TensorLayout, fresh: Fresh = .normal
    ) -> Place {
        let start = count
        count += shape.reduce(1, *)
        parameters.append(
            Parameter(
                name: name, shape: shape, range: start..<count, layout: layout, decays: shape.count > 1, fresh: fresh))
        return .trained(start)
    }
}
