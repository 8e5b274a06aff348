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
        guard let family = Family(rawValue: type) else { throw .family(file: file, found: type) }
        self.family = family
        let rules = FamilyRules.of(family)

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
        nonlinearity = try Architecture.nonlinearity(fields, rules, family)
        parallelResidual = family == .gptNeoX ? try fields.bool("use_parallel_residual", default: true) : false
        embeddingScale = rules.scalesEmbeddings ? Float(width).squareRoot() : 1
        (attentionCap, logitCap) = (nil, nil)
        if family == .gemma2 {
            attentionCap = try fields.cap("attn_logit_softcapping", usually: 50)
            logitCap = try fields.cap("final_logit_softcapping", usually: 30)
        }
        queryKeyValueBias = try fields.bias(rules.queryKeyValueBias)
        outputBias = try fields.bias(rules.outputBias)
        feedForwardBias = try fields.bias(rules.feedForwardBias)

        layerKinds = try Architecture.layerKinds(fields, rules, family, headWidth: headWidth)
        place =
            rules.learnedPositions
            ? .learned
            : .rotary(
                try RotaryFrequencies(
                    fields: fields, family: family, usualTheta: rules.usualTheta, headWidth: headWidth,
                    positions: positions))
        endTokens = try fields.tokens("eos_token_id")
        // Whoever reads the weights looks at it.
        fields.ignore("quantization_config")
        try requireCountable(file: file)
        try fields.refuseUnread(family: family)
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
        _ fields: ConfigFields, _ rules: FamilyRules, heads: Int
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
        _ fields: ConfigFields, _ rules: FamilyRules, width: Int, heads: Int
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

    private static func nonlinearity(
        _ fields: ConfigFields, _ rules: FamilyRules, _ family: Family
    ) throws(ModelError) -> Nonlinearity {
        let name = try fields.string(rules.activation) ?? rules.usualActivation
        var found = try fields.nonlinearity(rules.activation, name)
        if family == .gemma {
            // Gemma's first releases say "gelu" and mean the approximation; the later field says what they mean.
            if found == .gelu { found = .geluTanh }
            if let newer = try fields.string("hidden_activation") {
                guard try fields.nonlinearity("hidden_activation", newer) == found else {
                    throw .inconsistent(
                        file: fields.file, reason: "hidden_act \(name) and hidden_activation \(newer) differ")
                }
            }
        }
        // What Gemma 2's code doesn't read.
        if family == .gemma2 { fields.ignore("hidden_act") }
        return found
    }

    private static func layerKinds(
        _ fields: ConfigFields, _ rules: FamilyRules, _ family: Family, headWidth: Int
    ) throws(ModelError) -> [Layer] {
        let count = try fields.size(rules.layers)
        guard count <= mostLayers else {
            throw fields.wrong(rules.layers, .integer(count), "at most \(mostLayers) layers")
        }
        var scale = 1 / Double(headWidth).squareRoot()
        var dividesByLayer = false
        switch family {
        case .gemma2:
            let scalar = try fields.number("query_pre_attn_scalar", default: 256)
            guard scalar > 0 else { throw fields.wrong("query_pre_attn_scalar", .number(scalar), "a positive number") }
            scale = 1 / scalar.squareRoot()
        case .gpt2:
            if !(try fields.bool("scale_attn_weights", default: true)) { scale = 1 }
            dividesByLayer = try fields.bool("scale_attn_by_inverse_layer_idx", default: false)
        default: break
        }
        let turns = family == .smollm3 ? try fields.turningLayers(count) : Array(repeating: true, count: count)
        let windows = try fields.windows(rules.window, count: count, turns: turns)
        return (0..<count).map { layer in
            Layer(
                window: windows[layer], turns: turns[layer],
                scale: Float(dividesByLayer ? scale / Double(layer + 1) : scale))
        }
    }
}

extension ConfigFields {
    fileprivate func bias(_ rule: FamilyRules.Bias) throws(ModelError) -> Bool {
        switch rule {
        case .never: false
        case .always: true
        case .field(let name, let usually): try bool(name, default: usually)
        }
    }

    /// A soft cap: absent means the usual one, `null` none.
    fileprivate func cap(_ name: String, usually: Double) throws(ModelError) -> Float? {
        guard let value = self[name] else { return has(name) ? nil : Float(usually) }
        guard let number = value.double, number.isFinite, number > 0 else {
            throw wrong(name, value, "a positive number or null")
        }
        return Float(number)
    }

    fileprivate func nonlinearity(_ field: String, _ name: String) throws(ModelError) -> Nonlinearity {
        switch name {
        case "silu", "swish": return .silu
        case "gelu": return .gelu
        case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": return .geluTanh
        case "relu": return .relu
        default:
            throw .unsupported(
                file: file, field: field, found: name,
                supported: "silu, gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, relu")
        }
    }

    /// SmolLM3: 1 where a layer turns, 0 where it knows no positions.
    fileprivate func turningLayers(_ count: Int) throws(ModelError) -> [Bool] {
        let interval = try size("no_rope_layer_interval", default: 4)
        guard let value = self["no_rope_layers"] else { return (1...count).map { $0 % interval != 0 } }
        let flags = (value.array ?? []).map { $0.integer ?? ($0.bool.map { $0 ? 1 : 0 }) ?? -1 }
        guard flags.count >= count, flags.allSatisfy({ $0 == 0 || $0 == 1 }) else {
            throw wrong("no_rope_layers", value, "a list with 0 or 1 for each of the \(count) layers")
        }
        return flags.prefix(count).map { $0 == 1 }
    }

    /// The window of each layer, by the family's rule or by `layer_types`, which goes before it.
    fileprivate func windows(
        _ rule: FamilyRules.Window, count: Int, turns: [Bool]
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
        case .unturnedLayers:
            let window = try optionalSize("sliding_window")
            let used = try bool("use_sliding_window", default: false)
            return try windows(where: { used && window != nil && !turns[$0] }, window, count)
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
