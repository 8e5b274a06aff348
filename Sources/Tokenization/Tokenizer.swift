import Storage

/// A tokenizer read from Hugging Face's `tokenizer.json`: the same ids, offsets and decoded text as the `tokenizers`
/// library gives. Byte-level BPE (GPT-2, Llama 3, Qwen 2), SentencePiece-style BPE with byte fallback (Llama 2, Gemma,
/// Phi-3), Unigram (T5). A component that isn't implemented is refused by name. The file's truncation and
/// padding are for other programs and have no effect.
package struct Tokenizer: Sendable {
    private let normalizer: Normalizer?
    private let preTokenizers: [PreTokenizer]
    private let model: TokenModel
    private let postProcessors: [PostProcessor]
    /// Nil if the file has no decoder: tokens are then joined by spaces.
    private let decodingSteps: [DecodingStep]?
    private let addedTokens: AddedTokens
    private let specialIDs: Set<Int32>
    private let edges: TokenEdges
    /// Nil if a text can be cut nowhere.
    private let gaps: TextGaps?

    /// The tokens that `tokenizer_config.json` names so; nil where it names none.
    package let bosToken: Int32?
    package let eosToken: Int32?
    package let padToken: Int32?

    /// The tokenizer of a folder; nil where it has no `tokenizer.json`.
    /// - Throws: `TokenizerError`.
    package static func find(in directory: String) throws(TokenizerError) -> Tokenizer? {
        FileSystem.exists(FileSystem.join(directory, "tokenizer.json")) ? try Tokenizer(directory: directory) : nil
    }

    /// Reads `tokenizer.json`, and `tokenizer_config.json` if there is one: `bos_token`, `eos_token` and `pad_token`,
    /// and `add_bos_token` and `add_eos_token`, which as in `transformers` replace the file's own template.
    /// - Throws: `TokenizerError` naming the file and the key.
    package init(directory: String) throws(TokenizerError) {
        let file = try FileField(path: directory + "/tokenizer.json")
        guard file["version"].isNull || file["version"].value.string == "1.0" else {
            throw file["version"].unsupported("the version \(file["version"].value.text)", supported: "\"1.0\"")
        }
        let normalizer = try Normalizer(file["normalizer"])
        let (preTokenizers, byteLevel) = try PreTokenizer.parse(file["pre_tokenizer"])
        let model = try TokenModel(file["model"], byteLevel: byteLevel)
        let addedTokens = try AddedTokens(file["added_tokens"], normalizer, model)
        self.normalizer = normalizer
        self.preTokenizers = preTokenizers
        self.model = model
        self.addedTokens = addedTokens
        decodingSteps = file["decoder"].isNull ? nil : try DecodingStep.parse(file["decoder"])

        // The library skips a token when the text it decodes to is that of a special token.
        let special = Set(addedTokens.tokens.filter(\.isSpecial).map { Array($0.content.utf8) })
        specialIDs = Set(
            addedTokens.tokens.filter { special.contains(addedTokens.normalizedForms[$0.id] ?? Array($0.content.utf8)) }
                .map(\.id))

        var processors = try PostProcessor.parse(file["post_processor"])
        for processor in processors {
            guard case .template(let pieces) = processor else { continue }
            for case .tokens(let ids) in pieces {
                for id in ids where !model.written.bytes.contains(id) && addedTokens[id] == nil {
                    throw file["post_processor"].inconsistent("uses the id \(id), which no token has")
                }
            }
        }
        let configPath = directory + "/tokenizer_config.json"
        let config = FileSystem.exists(configPath) ? try FileField(path: configPath) : nil
        func token(_ name: String) throws(TokenizerError) -> Int32? {
            guard let config, !config[name].isNull else { return nil }
            let field = config[name].value.object == nil ? config[name] : config[name]["content"]
            let content = try field.string()
            guard let id = Tokenizer.id(of: content, addedTokens, model) else {
                throw config[name].inconsistent(
                    "is \"\(content)\", which tokenizer.json doesn't hold; correct one of them")
            }
            return id
        }
        bosToken = try token("bos_token")
        eosToken = try token("eos_token")
        padToken = try token("pad_token")
        if let config, !config["add_bos_token"].isNull || !config["add_eos_token"].isNull {
            var pieces = [PostProcessor.TemplatePiece.text]
            let addsBOS = try config["add_bos_token"].bool(default: false)
            let addsEOS = try config["add_eos_token"].bool(default: false)
            if addsBOS, let bosToken { pieces.insert(.tokens([bosToken]), at: 0) }
            if addsEOS, let eosToken { pieces.append(.tokens([eosToken])) }
            processors = [.template(pieces)]
        }
        postProcessors = processors
        edges = TokenEdges(processors.contains(where: \.trimsOffsets) ? model.written : nil, addedTokens)
        gaps = TextGaps(normalizer, preTokenizers, model, addedTokens)
    }

    // MARK: - Encoding

    /// Room for one thread that encodes many texts.
    package func makeMemory() -> EncodingMemory { EncodingMemory(model, remembers: true) }

    /// The ids of a text and their places in it.
    /// - Parameters:
    ///   - addSpecialTokens: whether the post-processor may add tokens of its own (such as a BOS). Special tokens
    ///     written in the text are always recognised.
    ///   - memory: the thread's, from `makeMemory`; without one each text is encoded afresh.
    /// - Throws: `.endlessSearch` for a text on which a pattern of the file takes too long.
    package func encode(
        _ text: String, addSpecialTokens: Bool, memory: EncodingMemory? = nil
    ) throws(TokenizerError) -> Encoding {
        var text = text
        var encoding = Encoding()
        let memory = memory ?? EncodingMemory(model, remembers: false)
        return try text.withBytes { bytes throws(TokenizerError) in
            try encode(bytes, from: 0, memory, to: &encoding)
            return finished(encoding, of: bytes, addSpecialTokens)
        }
    }

    /// The encodings of a prefix with each of several endings: the same as of each text as a whole, but what the prefix
    /// alone decides is encoded once.
    /// - Throws: `.endlessSearch` for a text on which a pattern of the file takes too long.
    package func encode(
        _ prefix: String, followedBy endings: [String], addSpecialTokens: Bool, memory: EncodingMemory
    ) throws(TokenizerError) -> [Encoding] {
        var prefix = prefix
        var shared = Encoding()
        let cut = try prefix.withBytes { bytes throws(TokenizerError) in
            let cut = gaps?.last(in: bytes) ?? 0
            if cut > 0 { try encode(UnsafeBufferPointer(rebasing: bytes[..<cut]), from: 0, memory, to: &shared) }
            return cut
        }
        return try endings.map { ending throws(TokenizerError) in
            var text = prefix + ending
            var encoding = shared
            return try text.withBytes { bytes throws(TokenizerError) in
                try encode(bytes, from: cut, memory, to: &encoding)
                return finished(encoding, of: bytes, addSpecialTokens)
            }
        }
    }

    /// Appends the tokens of a text from a place on: its start, or one of the gaps where it may be cut.
    private func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ memory: EncodingMemory, to encoding: inout Encoding
    ) throws(TokenizerError) {
        var allowance = RegularExpression.Allowance(bytes: bytes.count - start)
        encoding.reserve(more: (bytes.count - start) / 3)
        let rest = UnsafeBufferPointer(rebasing: bytes[start...])
        for segment in addedTokens.literal.segments(of: rest) {
            let place = start + segment.range.lowerBound
            if let token = segment.token {
                encoding.append(token.id, place..<place + segment.range.count)
            } else {
                let part = UnsafeBufferPointer(rebasing: rest[segment.range])
                do {
                    try encode(
                        AlignedText(part, at: place), goesOn: start > 0 && place == start, memory, &allowance,
                        to: &encoding)
                } catch {
                    throw .endlessSearch(pattern: error.pattern, reason: error.reason, bytes: part.count)
                }
            }
        }
    }

    /// Appends the tokens of a text without literal added tokens.
    /// - Parameter goesOn: whether the text goes on with one that was encoded before.
    private func encode(
        _ text: AlignedText, goesOn: Bool, _ memory: EncodingMemory,
        _ allowance: inout RegularExpression.Allowance, to encoding: inout Encoding
    ) throws(RegularExpression.Fault) {
        var text = text
        try normalizer?.apply(to: &text, goesOn: goesOn, &allowance)
        for segment in text.bytes.withUnsafeBufferPointer({ addedTokens.normalized.segments(of: $0) }) {
            if let token = segment.token {
                encoding.append(token.id, text.origin(of: segment.range))
                continue
            }
            var part = segment.range == text.bytes.indices ? text : AlignedText(text, segment.range)
            var pieces = [part.bytes.indices]
            for step in preTokenizers { try step.apply(to: &part, &pieces, &allowance) }
            memory.encode(pieces, of: part, to: &encoding)
        }
    }

    /// Applies the post-processors to the tokens of a text.
    private func finished(
        _ encoding: Encoding, of text: UnsafeBufferPointer<UInt8>, _ addSpecialTokens: Bool
    ) -> Encoding {
        var encoding = encoding
        for processor in postProcessors {
            processor.apply(to: &encoding, of: text, edges, addSpecialTokens: addSpecialTokens)
        }
        return encoding
    }

    // MARK: - Decoding

    /// The text of some ids. Ids without a token are passed over; bytes that are not UTF-8 become U+FFFD.
    package func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String {
        var tokens: [[UInt8]] = []
        tokens.reserveCapacity(ids.count)
        for id in ids where !(skipSpecialTokens && specialIDs.contains(id)) {
            if let form = addedTokens.normalizedForms[id] {
                tokens.append(form)
            } else if let added = addedTokens[id] {
                tokens.append(Array(added.content.utf8))
            } else if model.written.bytes.contains(id) {
                tokens.append(Array(model.written.bytes[id]))
            }
        }
        guard let decodingSteps else { return String(decoding: Array(tokens.joined(separator: [0x20])), as: UTF8.self) }
        for step in decodingSteps { tokens = step.apply(to: tokens) }
        return String(decoding: Array(tokens.joined()), as: UTF8.self)
    }

    // MARK: - Vocabulary

    /// Largest id + 1, added tokens included. Ids may have holes.
    package var vocabularySize: Int { max(model.count, addedTokens.count) }

    /// The id of a token as the file writes it (byte-level tokens in their alphabet, such as "Ġthe").
    package func id(of token: String) -> Int32? { Tokenizer.id(of: token, addedTokens, model) }

    /// A token as the file writes it.
    package func token(of id: Int32) -> String? {
        if let added = addedTokens[id] { return added.content }
        guard model.written.bytes.contains(id) else { return nil }
        return String(decoding: model.written.bytes[id], as: UTF8.self)
    }

    private static func id(of token: String, _ addedTokens: AddedTokens, _ model: TokenModel) -> Int32? {
        if let id = addedTokens.id(of: token.utf8) { return id }
        let id = model.written.id(of: token.utf8)
        return id < 0 ? nil : id
    }
}
