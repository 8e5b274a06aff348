import Storage

/// What is done to the ids of a text at the end: special tokens around them, white space off their offsets.
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
        case let type:
            throw field.unsupported("the post-processor \(type)", supported: "TemplateProcessing, ByteLevel, Sequence")
        }
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

    /// - Parameter trim: the range of a token of an id without the white space at its ends; the flag asks to keep a
    ///   single space in front.
    func apply(
        to encoding: Encoding, end: Int, addSpecialTokens: Bool, trim: (Int32, Range<Int>, Bool) -> Range<Int>
    ) -> Encoding {
        var result = Encoding()
        switch self {
        case .template(let pieces):
            var place = 0
            for piece in pieces {
                switch piece {
                case .text:
                    result.ids += encoding.ids
                    result.offsets += encoding.offsets
                    place = end
                case .tokens(let ids):
                    for id in ids where addSpecialTokens { result.append(id, place..<place) }
                }
            }
        case .trimOffsets(let keepsPrefixSpace):
            for (index, range) in encoding.offsets.enumerated() {
                let isFirst = index == 0 || range.lowerBound == 0
                result.append(encoding.ids[index], trim(encoding.ids[index], range, keepsPrefixSpace && isFirst))
            }
        }
        return result
    }
}
