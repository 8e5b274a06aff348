import Storage

/// The last step of encoding a text, on its ids: special tokens around them, white space off their offsets.
enum PostProcessor: Sendable {
    case template([TemplatePiece])
    /// White space at the ends of a token is left out of its offsets.
    case trimOffsets(keepingPrefixSpace: Bool)

    enum TemplatePiece: Sendable, Equatable {
        case text
        case tokens([Int32])
    }

    static func parse(_ field: FileField) throws(TokenizerError) -> [PostProcessor] {
        guard !field.isNull else { return [] }
        switch try field.type() {
        case "Sequence":
            var steps: [PostProcessor] = []
            for part in try field["processors"].list() { steps += try parse(part) }
            return steps
        case "ByteLevel":
            guard try field["trim_offsets"].bool() else { return [] }
            return [.trimOffsets(keepingPrefixSpace: try field["add_prefix_space"].bool())]
        case "TemplateProcessing": return [.template(try template(field))]
        case "BertProcessing": return [try ends(field)]
        case "RobertaProcessing":
            let keepsSpace = try field["add_prefix_space"].bool()
            let trimming = PostProcessor.trimOffsets(keepingPrefixSpace: keepsSpace)
            return try field["trim_offsets"].bool() ? [trimming, try ends(field)] : [try ends(field)]
        case let type:
            throw field.unsupported(
                "the post-processor \(type)",
                supported: "TemplateProcessing, ByteLevel, BertProcessing, RobertaProcessing, Sequence")
        }
    }

    /// `cls` and `sep` around the text, each a token and its id.
    private static func ends(_ field: FileField) throws(TokenizerError) -> PostProcessor {
        var pieces = [TemplatePiece.text]
        for (name, place) in [("cls", 0), ("sep", 2)] {
            let pair = try field[name].list()
            guard pair.count == 2 else { throw field[name].inconsistent("must be a token and its id") }
            pieces.insert(.tokens([try pair[1].tokenID()]), at: place)
        }
        return .template(pieces)
    }

    private static func template(_ field: FileField) throws(TokenizerError) -> [TemplatePiece] {
        let special = field["special_tokens"]
        _ = try special.object()
        var pieces: [TemplatePiece] = []
        for part in try field["single"].list() {
            if !part["Sequence"].isNull {
                let id = try part["Sequence"]["id"].string()
                guard id == "A" else {
                    throw part["Sequence"]["id"].inconsistent("is \"\(id)\"; a single text is \"A\"")
                }
                pieces.append(.text)
            } else {
                let name = try part["SpecialToken"]["id"].string()
                guard !special[name].isNull else {
                    throw part["SpecialToken"]["id"].inconsistent("is \"\(name)\", which is not in \(special.key)")
                }
                var ids: [Int32] = []
                for id in try special[name]["ids"].list() { ids.append(try id.tokenID()) }
                pieces.append(.tokens(ids))
            }
        }
        return pieces
    }

    var trimsOffsets: Bool {
        if case .trimOffsets = self { true } else { false }
    }

    func apply(
        to encoding: inout Encoding, of text: UnsafeBufferPointer<UInt8>, _ edges: TokenEdges, addSpecialTokens: Bool
    ) {
        switch self {
        case .template(let pieces):
            var result = Encoding()
            result.reserve(more: encoding.ids.count + pieces.count)
            var place = 0
            for piece in pieces {
                switch piece {
                case .text:
                    result.ids += encoding.ids
                    result.offsets += encoding.offsets
                    place = text.count
                case .tokens(let ids):
                    for id in ids where addSpecialTokens { result.append(id, place..<place) }
                }
            }
            encoding = result
        case .trimOffsets(let keepsPrefixSpace):
            for (index, range) in encoding.offsets.enumerated() {
                let isFirst = index == 0 || range.lowerBound == 0
                encoding.offsets[index] = edges.trimmed(
                    range, of: encoding.ids[index], in: text, keepsSpace: keepsPrefixSpace && isFirst)
            }
        }
    }
}
