import Kernels
import Storage

extension Architecture {
    /// Reads a `config.json`.
    ///
    /// - Parameters:
    ///   - config: the parsed file.
    ///   - file: its path, for messages.
    /// - Throws: `ModelError` naming the field that is missing, mistyped or asks for arithmetic that isn't implemented.
    package init(config: JSON, file: String) throws(ModelError) {
        guard let object = config.object else {
            throw .wrongType(file: file, field: "", found: config.kind, expected: "an object")
        }
        let fields = ConfigFields(object: object, file: file)
        let type = try fields.string("model_type") ?? "missing"
        guard let family = Family(named: type) else { throw .family(file: file, found: type) }
        self.family = family
        let rules = family.rules

        width = try fields.size(rules.width)
        if rules.feedForwardIsFourfold {
            feedForward = try fields.size(rules.feedForward, default: 4 * width)
        } else {
            feedForward = try fields.size(rules.feedForward)
        }
        heads = try fields.size(rules.heads)
        keyHeads = try Architecture.keyHeads(fields, rules, heads: heads)
        headWidth = try Architecture.headWidth(fields, rules, width: width, heads: heads)
        vocabulary = try fields.size("vocab_size")
        positions = try fields.size(rules.positions, default: rules.usualPositions)
        normEpsilon = Float(try fields.number(rules.epsilon, default: rules.usualEpsilon))
        initializerRange = try fields.number("initializer_range", default: 0.02)
        tiedHead = try fields.bool("tie_word_embeddings", default: rules.usuallyTied)

        (norm, placement, queryKeyNorm, gated) = (rules.norm, rules.placement, rules.queryKeyNorm, rules.gated)
        let activation = try fields.string(rules.activation) ?? rules.usualActivation
        nonlinearity = try rules.nonlinearity(fields, fields.nonlinearity(rules.activation, activation))
        embeddingScale = rules.scalesEmbeddings ? Float(width).squareRoot() : 1
        queryKeyValueBias = try fields.bias(rules.queryKeyValueBias)
        outputBias = try fields.bias(rules.outputBias)
        feedForwardBias = try fields.bias(rules.feedForwardBias)

        layerKinds = try Architecture.layerKinds(fields, rules, headWidth: headWidth)
        if let rotary = rules.rotary {
            positionEncoding = .rotary(
                try RotaryFrequencies(
                    fields: fields, family: family, rotary, headWidth: headWidth, positions: positions))
        } else {
            positionEncoding = .learned
        }
        endTokens = try fields.tokens("eos_token_id")
        // Whoever reads the weights looks at it.
        fields.ignore("quantization_config")
        (parallelResidual, attentionCap, logitCap) = (false, nil, nil)
        try rules.finish(fields, &self)
        if case .reward(let padding) = try Architecture.output(fields) { self = rewarding(padding: padding) }
        try requireCountable(file: file)
        try fields.refuseUnread(family: family)
    }

    /// A reward model is a `…ForSequenceClassification` of one label.
    private static func output(_ fields: ConfigFields) throws(ModelError) -> Output {
        let classes = (fields["architectures"]?.array ?? []).compactMap(\.string)
        guard let name = classes.first(where: { $0.hasSuffix(Family.rewardModelSuffix) }) else { return .logits }
        let (named, counted) = (fields["id2label"]?.object?.names.count, try fields.optionalSize("num_labels"))
        if let named, let counted, named != counted {
            throw .inconsistent(
                file: fields.file,
                reason: "num_labels is \(counted), but id2label names \(named) labels: remove one of them")
        }
        let labels = named ?? counted ?? 2
        guard labels == 1 else {
            throw .unsupported(
                file: fields.file, field: "id2label", found: "\(labels) labels of \(name)",
                supported: "one label: a reward model")
        }
        return .reward(padding: try fields.tokens("pad_token_id").first)
    }

    /// Many times what any model has: a damaged number must not become a table of a billion names.
    private static let mostLayers = 4096
    private static let mostParameters = 1e14

    /// Refuses sizes whose products could leave the range of `Int`.
    private func requireCountable(file: String) throws(ModelError) {
        let (width, keyWidth) = (Double(width), Double(keyHeads) * Double(headWidth))
        let queryWidth = Double(heads) * Double(headWidth)
        let block = width * (2 * queryWidth + 2 * keyWidth + 3 * Double(feedForward))
        let count = Double(layers) * block + width * (2 * Double(vocabulary) + Double(positions))
        guard count <= Architecture.mostParameters else {
            throw .inconsistent(
                file: file,
                reason: "its sizes make about \(count) parameters; one of them is wrong, fetch the file again")
        }
    }

    private static func keyHeads(
        _ fields: ConfigFields, _ rules: ConfigRules, heads: Int
    ) throws(ModelError) -> Int {
        guard let name = rules.keyHeads else { return heads }
        // `null` says "as many as queries"; an absent field what the family's config class says.
        let usual = fields.has(name) ? heads : rules.usualKeyHeads ?? heads
        let keyHeads = try fields.size(name, default: usual)
        guard heads % keyHeads == 0 else {
            throw .inconsistent(
                file: fields.file, reason: "\(rules.heads) \(heads) is not a multiple of \(name) \(keyHeads)")
        }
        return keyHeads
    }

    private static func headWidth(
        _ fields: ConfigFields, _ rules: ConfigRules, width: Int, heads: Int
    ) throws(ModelError) -> Int {
        if let name = rules.headWidth {
            if let given = try fields.optionalSize(name) { return given }
            if let usual = rules.usualHeadWidth { return usual }
        }
        guard width % heads == 0 else {
            throw .inconsistent(
                file: fields.file,
                reason: "\(rules.width) \(width) is not a multiple of \(rules.heads) \(heads)"
                    + (rules.headWidth.map { ", and there is no \($0)" } ?? ""))
        }
        return width / heads
    }

    private static func layerKinds(
        _ fields: ConfigFields, _ rules: ConfigRules, headWidth: Int
    ) throws(ModelError) -> [Layer] {
        let count = try fields.size(rules.layers)
        guard count <= mostLayers else {
            throw fields.wrong(rules.layers, .integer(count), "at most \(mostLayers) layers")
        }
        let rotary = try rules.rotaryLayers(fields, count)
        let windows = try fields.windows(rules.window, count: count, rotary: rotary)
        let scale = Float(1 / Double(headWidth).squareRoot())
        return (0..<count).map { Layer(window: windows[$0], usesRotary: rotary[$0], scale: scale) }
    }
}

extension ConfigFields {
    fileprivate func bias(_ rule: ConfigRules.Bias) throws(ModelError) -> Bool {
        switch rule {
        case .never: false
        case .always: true
        case .field(let name, let usually): try bool(name, default: usually)
        }
    }

    /// The pointwise function that a field names.
    func nonlinearity(_ field: String, _ name: String) throws(ModelError) -> Nonlinearity {
        guard let found = Nonlinearity(configWord: name) else {
            throw .unsupported(
                file: file, field: field, found: name, supported: Nonlinearity.configWords.joined(separator: ", "))
        }
        return found
    }

    /// The window of each layer, by the family's rule or by `layer_types`, which goes before it.
    fileprivate func windows(
        _ rule: ConfigRules.Window, count: Int, rotary: [Bool]
    ) throws(ModelError) -> [Int?] {
        switch rule {
        case .none: return try windows(where: { _ in false }, nil, count)
        case .everywhere(let usually):
            let window = has("sliding_window") ? try optionalSize("sliding_window") : usually
            let windows = try windows(where: { _ in true }, window, count)
            guard windows.allSatisfy({ $0 == window }) else {
                throw .inconsistent(
                    file: file, reason: "layer_types says otherwise than sliding_window, which holds for every layer")
            }
            return windows
        case .upperLayers:
            let first = try whole("max_window_layers", default: 28)
            let window = try optionalSize("sliding_window") ?? (has("sliding_window") ? nil : 4096)
            guard try bool("use_sliding_window", default: false), let window else {
                return try windows(where: { _ in false }, nil, count)
            }
            return try windows(where: { $0 >= first }, window, count)
        case .alternating:
            let window = has("sliding_window") ? try optionalSize("sliding_window") : 4096
            return try windows(where: { $0 % 2 == 0 }, window, count)
        case .layersWithoutRotary:
            let window = try optionalSize("sliding_window")
            let used = try bool("use_sliding_window", default: false)
            return try windows(where: { used && window != nil && !rotary[$0] }, window, count)
        }
    }

    private func windows(
        where slides: (Int) -> Bool, _ window: Int?, _ count: Int
    ) throws(ModelError) -> [Int?] {
        guard let value = self["layer_types"] else { return (0..<count).map { slides($0) ? window : nil } }
        let types = (value.array ?? []).map(\.string)
        guard types.count >= count else { throw wrong("layer_types", value, "a list with an entry for each layer") }
        var windows: [Int?] = []
        for type in types.prefix(count) {
            switch type {
            case "full_attention": windows.append(nil)
            case "sliding_attention":
                guard let window else {
                    throw .inconsistent(
                        file: file, reason: "layer_types has sliding_attention, but there is no sliding window to use")
                }
                windows.append(window)
            default:
                throw .unsupported(
                    file: file, field: "layer_types", found: type ?? value.text,
                    supported: "full_attention, sliding_attention")
            }
        }
        return windows
    }
}
