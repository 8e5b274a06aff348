/// Cuts a normalised text into the pieces that the model works on one by one.
indirect enum PreTokenizer: Sendable {
    case words(WordPattern)
    case split(TextPattern, SplitBehavior, inverted: Bool)
    case wordSplit(WordPattern, SplitBehavior, inverted: Bool)
    case spacePrefix
    case digits(SplitBehavior)
    case punctuation(SplitBehavior)
    /// `\w+|[^\w\s]+`
    case whitespace
    case whitespaceSplit
    case metaspace(replacement: [UInt8], PrependScheme, splits: Bool)

    enum PrependScheme: String, Sendable { case first, never, always }

    /// The pre-tokenizers of a file in their order, and whether the model sees bytes (`ByteLevel`) or scalars.
    static func parse(_ field: FileField) throws(TokenizerError) -> (steps: [PreTokenizer], byteLevel: Bool) {
        guard !field.isNull else { return ([], false) }
        var steps: [PreTokenizer] = []
        var byteLevel = false
        func add(_ field: FileField) throws(TokenizerError) {
            let type = try field.type()
            guard !byteLevel else {
                throw field.unsupported("\(type) after ByteLevel", supported: "ByteLevel as the last one")
            }
            switch type {
            case "Sequence": for part in try field["pretokenizers"].list() { try add(part) }
            case "ByteLevel":
                byteLevel = true
                if try field["add_prefix_space"].bool() { steps.append(.spacePrefix) }
                if try field["use_regex"].bool(default: true) { steps.append(.words(.gpt2)) }
            default: steps.append(try PreTokenizer(type, field))
            }
        }
        try add(field)
        return (steps, byteLevel)
    }

    private init(_ type: String, _ field: FileField) throws(TokenizerError) {
        switch type {
        case "Split":
            let behavior = try SplitBehavior(field["behavior"])
            let inverted = try field["invert"].bool()
            _ = try field["pattern"].object()
            if let text = field["pattern"]["Regex"].value.string, let pattern = WordPattern(expression: text) {
                // The words cover the text, so keeping them and cutting at them are the same.
                let keepsWords = behavior == .isolated || behavior == .removed && inverted
                self = keepsWords ? .words(pattern) : .wordSplit(pattern, behavior, inverted: inverted)
            } else {
                self = .split(try TextPattern(field["pattern"]), behavior, inverted: inverted)
            }
        case "Digits": self = .digits(try field["individual_digits"].bool() ? .isolated : .contiguous)
        case "Punctuation":
            self = .punctuation(field["behavior"].isNull ? .isolated : try SplitBehavior(field["behavior"]))
        case "Whitespace": self = .whitespace
        case "WhitespaceSplit": self = .whitespaceSplit
        case "Metaspace":
            let replacement = Array(UTF8.encode(try field["replacement"].scalar())!)
            let scheme = try PreTokenizer.prependScheme(field)
            self = .metaspace(replacement: replacement, scheme, splits: try field["split"].bool(default: true))
        default:
            throw field.unsupported(
                "the pre-tokenizer \(type)",
                supported: "ByteLevel, Split, Digits, Metaspace, Punctuation, Whitespace, WhitespaceSplit, Sequence")
        }
    }

    /// `prepend_scheme`, or the older `add_prefix_space`.
    static func prependScheme(_ field: FileField) throws(TokenizerError) -> PrependScheme {
        let addsPrefix = try field["add_prefix_space"].bool(default: true)
        guard !field["prepend_scheme"].isNull else { return addsPrefix ? .always : .never }
        let name = try field["prepend_scheme"].string()
        guard let scheme = PrependScheme(rawValue: name) else {
            throw field["prepend_scheme"].unsupported("\"\(name)\"", supported: "first, never, always")
        }
        guard addsPrefix || scheme == .never else {
            throw field["add_prefix_space"].inconsistent("is false, but \"prepend_scheme\" is \"\(name)\"; remove one")
        }
        return scheme
    }

    /// Cuts every piece further; may change the text under the pieces.
    /// - Parameter allowance: what searches of the text may still cost.
    /// - Throws: `Fault` for a search that takes too long.
    func apply(
        to text: inout AlignedText, _ pieces: inout [Range<Int>], _ allowance: inout RegularExpression.Allowance
    ) throws(RegularExpression.Fault) {
        switch self {
        case .spacePrefix: prefix(&text, &pieces, with: [0x20]) { _ in true }
        case .metaspace(let replacement, let scheme, let splits):
            if replacement != [0x20] { replaceSpaces(&text, &pieces, by: replacement) }
            switch scheme {
            case .never: break
            case .always: prefix(&text, &pieces, with: replacement) { _ in true }
            case .first: prefix(&text, &pieces, with: replacement) { $0 == 0 }
            }
            if splits {
                try PreTokenizer.split(.literal(replacement), .mergedWithNext, inverted: false)
                    .apply(to: &text, &pieces, &allowance)
            }
        case .words(let pattern):
            var words: [Range<Int>] = []
            words.reserveCapacity(text.bytes.count / 4)
            text.bytes.withUnsafeBufferPointer { bytes in
                for piece in pieces {
                    let scanner = WordScanner(pattern, bytes, end: piece.upperBound)
                    var start = piece.lowerBound
                    while start < piece.upperBound {
                        let end = scanner.wordEnd(from: start)
                        words.append(start..<end)
                        start = end
                    }
                }
            }
            pieces = words
        case .wordSplit(let pattern, let behavior, let inverted):
            cut(text, &pieces) { bytes, piece in
                let scanner = WordScanner(pattern, bytes, end: piece.upperBound)
                var words: [Range<Int>] = []
                while (words.last?.upperBound ?? piece.lowerBound) < piece.upperBound {
                    let start = words.last?.upperBound ?? piece.lowerBound
                    words.append(start..<scanner.wordEnd(from: start))
                }
                return behavior.split(piece, at: words, inverted: inverted)
            }
        case .split(let pattern, let behavior, let inverted):
            pieces = try text.bytes.withUnsafeBufferPointer { bytes throws(RegularExpression.Fault) in
                zip(pieces, try pattern.matches(in: bytes, pieces, &allowance))
                    .flatMap { behavior.split($0, at: $1, inverted: inverted) }
            }
        case .digits(let behavior): cut(text, &pieces, behavior) { ScalarClassTable.unicode[$0].isAny(of: .number) }
        case .punctuation(let behavior):
            cut(text, &pieces, behavior) { value in
                switch value {
                case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
                default: ScalarClassTable.unicode[value].isAny(of: .punctuation)
                }
            }
        case .whitespaceSplit: cut(text, &pieces, .removed) { ScalarClassTable.unicode[$0].isAny(of: .space) }
        case .whitespace:
            try PreTokenizer.whitespaceSplit.apply(to: &text, &pieces, &allowance)
            cut(text, &pieces, .contiguous) { Unicode.Scalar(known: $0).isWord }
        }
    }

    // MARK: - Steps

    /// Cuts at every scalar that is a delimiter.
    private func cut(
        _ text: AlignedText, _ pieces: inout [Range<Int>], _ behavior: SplitBehavior, at isDelimiter: (UInt32) -> Bool
    ) {
        cut(text, &pieces) { bytes, piece in
            var delimiters: [Range<Int>] = []
            var place = piece.lowerBound
            while place < piece.upperBound {
                let (value, width) = bytes.scalar(at: place)
                if isDelimiter(value) { delimiters.append(place..<place + width) }
                place += width
            }
            return behavior.split(piece, at: delimiters)
        }
    }

    private func cut(
        _ text: AlignedText, _ pieces: inout [Range<Int>],
        _ split: (UnsafeBufferPointer<UInt8>, Range<Int>) -> [Range<Int>]
    ) {
        text.bytes.withUnsafeBufferPointer { bytes in pieces = pieces.flatMap { split(bytes, $0) } }
    }

    /// Puts `prefix` before each piece that doesn't start with it, if its place in the original text is wanted.
    private func prefix(
        _ text: inout AlignedText, _ pieces: inout [Range<Int>], with prefix: [UInt8], where isWanted: (Int32) -> Bool
    ) {
        rewrite(&text, &pieces) { piece, text, result in
            if !text.bytes[piece].starts(with: prefix), isWanted(text.origin(at: piece.lowerBound).start) {
                result.append(prefix, standingFor: text.origin(at: piece.lowerBound))
            }
            result.append(piece, of: text)
        }
    }

    private func replaceSpaces(_ text: inout AlignedText, _ pieces: inout [Range<Int>], by replacement: [UInt8]) {
        guard text.bytes.contains(0x20) else { return }
        rewrite(&text, &pieces) { piece, text, result in
            for place in piece {
                if text.bytes[place] == 0x20 {
                    result.append(replacement, standingFor: text.origin(at: place))
                } else {
                    result.append(place..<place + 1, of: text)
                }
            }
        }
    }

    private func rewrite(
        _ text: inout AlignedText, _ pieces: inout [Range<Int>],
        _ write: (Range<Int>, AlignedText, inout AlignedText) -> Void
    ) {
        var result = AlignedText()
        var places: [Range<Int>] = []
        for piece in pieces {
            let start = result.bytes.count
            write(piece, text, &result)
            places.append(start..<result.bytes.count)
        }
        text = result
        pieces = places
    }
}
