/// The model that cuts a piece of text into tokens: the `model` of `tokenizer.json`.
enum TokenModel: Sendable {
    case bytePair(BytePairModel)
    case unigram(UnigramModel)

    init(_ field: FileField, byteLevel: Bool) throws(TokenizerError) {
        _ = try field.object()
        // Old files don't name the type; only byte-pair models have merges, only unigram ones a list of scores.
        let isUnigram = field["type"].isNull && field["vocab"].value.array != nil
        let type = field["type"].isNull ? (isUnigram ? "Unigram" : "BPE") : try field["type"].string()
        switch type {
        case "BPE": self = .bytePair(try BytePairModel(field, byteLevel: byteLevel))
        case "Unigram": self = .unigram(try UnigramModel(field, byteLevel: byteLevel))
        default: throw field.unsupported("the model \(type)", supported: "BPE, Unigram")
        }
    }

    /// Every token as it is written in the file.
    var written: TokenTable {
        switch self {
        case .bytePair(let model): model.written
        case .unigram(let model): model.written
        }
    }

    /// Largest id + 1.
    var count: Int { written.bytes.count }

    /// Whether a piece may be cut before every "▁" that doesn't follow another one without changing its tokens.
    var cutsBeforeMetaspace: Bool {
        if case .bytePair(let model) = self { model.cutsBeforeMetaspace && !model.ignoresMerges } else { false }
    }

    /// The tokens that a whole piece is looked up among before anything else, if it is.
    var wholePieces: TokenTable? {
        if case .bytePair(let model) = self, model.ignoresMerges { model.words } else { nil }
    }
}

/// The algorithm of a model, with the buffers that it needs.
enum PieceWorker {
    case bytePair(BytePairMerging)
    case unigram(UnigramSearch)

    init(_ model: TokenModel) {
        switch model {
        case .bytePair(let model): self = .bytePair(BytePairMerging(model))
        case .unigram(let model): self = .unigram(UnigramSearch(model))
        }
    }

    /// Leaves the tokens of a piece in `tokens`.
    func encode(_ piece: UnsafeBufferPointer<UInt8>, to tokens: inout PieceTokens) {
        tokens.removeAll()
        switch self {
        case .bytePair(let merging): merging.encode(piece, to: &tokens)
        case .unigram(let search): search.encode(piece, to: &tokens)
        }
    }
}
