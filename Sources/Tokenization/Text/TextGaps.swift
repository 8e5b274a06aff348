/// The places at which a text may be cut in two without changing its tokens: before a space that follows a visible ASCII
/// character.
///
/// There no word of a splitting pattern goes on, no character of Unicode's normal forms joins its neighbour, and no
/// merge of "▁" looks back. So the tokens of a prompt up to its last gap are the same whatever response follows.
/// Tokenizers for which that can't be said from their parts have no gaps.
struct TextGaps: Sendable {
    /// Whether an added token that ends with a byte takes the white space behind it.
    private let isTaken: [Bool]

    init?(_ normalizer: Normalizer?, _ steps: [PreTokenizer], _ model: TokenModel, _ addedTokens: AddedTokens) {
        guard normalizer?.keepsGaps ?? true else { return nil }
        var isTaken = [Bool](repeating: false, count: 256)
        for token in addedTokens.tokens {
            for form in [Array(token.content.utf8), addedTokens.normalizedForms[token.id] ?? []] where !form.isEmpty {
                if form.hasGap || token.singleWord && form[0] == 0x20 { return nil }
                if token.takesRight { isTaken[Int(form[form.count - 1])] = true }
            }
        }
        self.isTaken = isTaken

        let marksSpaces = normalizer?.marksSpaces ?? false
        var cuts = marksSpaces && model.cutsBeforeMetaspace
        for step in steps {
            switch step {
            case .words: if !marksSpaces { cuts = true }
            case .whitespace, .whitespaceSplit: if !marksSpaces { cuts = true }
            case .metaspace(let replacement, _, let splits):
                guard replacement == BytePairModel.metaspace else { return nil }
                if splits || model.cutsBeforeMetaspace { cuts = true }
            case .spacePrefix, .digits, .punctuation: break
            // With every space marked, nothing is left for a pattern of one space to find.
            case .split(.literal([0x20]), _, _): guard marksSpaces else { return nil }
            case .split, .wordSplit: return nil
            }
        }
        guard cuts else { return nil }
    }

    /// The last gap of a text; nil if it has none.
    func last(in text: UnsafeBufferPointer<UInt8>) -> Int? {
        var place = text.count - 1
        while place > 0 {
            if text[place] == 0x20, 0x21...0x7E ~= text[place - 1], !isTaken[Int(text[place - 1])] { return place }
            place -= 1
        }
        return nil
    }
}

extension Normalizer {
    /// Whether a gap stays one: what comes of both sides is what would come of each alone.
    fileprivate var keepsGaps: Bool {
        switch self {
        case .unicode, .lowercase, .prepend, .stripAccents: true
        case .replace(.literal([0x20]), let content): content == [0x20] || content == BytePairModel.metaspace
        case .replace(.literal(let text), _): !text.contains(0x20) && !text.contains(BytePairModel.metaspace[0])
        case .replace, .strip, .precompiled: false
        case .sequence(let steps): steps.allSatisfy(\.keepsGaps)
        }
    }

    /// Whether "▁" takes the place of every space.
    fileprivate var marksSpaces: Bool {
        switch self {
        case .replace(.literal([0x20]), let content): content == BytePairModel.metaspace
        case .sequence(let steps): steps.contains(where: \.marksSpaces)
        default: false
        }
    }
}

extension [UInt8] {
    /// Whether a space, or a "▁", follows anything but its like.
    fileprivate var hasGap: Bool {
        let mark = BytePairModel.metaspace
        for place in indices.dropFirst() {
            if self[place] == 0x20, self[place - 1] != 0x20 { return true }
            if self[place...].starts(with: mark), place < 3 || Array(self[place - 3..<place]) != mark { return true }
        }
        return false
    }
}
