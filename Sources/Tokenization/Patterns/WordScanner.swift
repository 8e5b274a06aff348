/// Cuts text into words by a `WordPattern`: what a regex engine would match, found by looking at each scalar about
/// once. The alternatives cover every scalar, so the words cover the text.
struct WordScanner {
    let pattern: WordPattern
    private let classes = ScalarClassTable.unicode
    private let text: UnsafeBufferPointer<UInt8>
    private let end: Int

    /// - Parameter end: where the text stops for the pattern, whatever bytes follow.
    init(_ pattern: WordPattern, _ text: UnsafeBufferPointer<UInt8>, end: Int) {
        self.pattern = pattern
        self.text = text
        self.end = end
    }

    /// The end of the word that starts at a place before `end`.
    func wordEnd(from start: Int) -> Int {
        let (value, width) = text.scalar(at: start)
        let first = classes[value]
        if value == 0x27, pattern.contractions != .none,
            let end = contractionEnd(from: start, ignoringCase: pattern.contractions == .caseInsensitive)
        {
            return end
        }
        return word(from: start, first, width, isSpace: value == 0x20)
            ?? number(from: start, first, isSpace: value == 0x20)
            ?? symbols(from: start, isSpace: value == 0x20)
            ?? whiteSpace(from: start)
    }

    // MARK: - Alternatives, in the pattern's order

    /// `'s`, `'t`, `'m`, `'d`, `'re`, `'ve` or `'ll`.
    private func contractionEnd(from start: Int, ignoringCase: Bool) -> Int? {
        guard start + 1 < end, text[start] == 0x27 else { return nil }
        // U+017F, the long s, is an s to an expression that ignores case.
        if ignoringCase, start + 2 < end, text[start + 1] == 0xC5, text[start + 2] == 0xBF { return start + 3 }
        let fold: UInt8 = ignoringCase ? 0x20 : 0
        let first = text[start + 1] | (text[start + 1] < 0x60 ? fold : 0)
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        default: break
        }
        guard start + 2 < end else { return nil }
        let second = text[start + 2] | (text[start + 2] < 0x60 ? fold : 0)
        switch (first, second) {
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        default: return nil
        }
    }

    private func word(from start: Int, _ first: ScalarClass, _ width: Int, isSpace: Bool) -> Int? {
        let letters: ScalarClass
        switch pattern.words {
        case .afterSpace:
            let begin = isSpace ? start + 1 : start
            return nonEmpty(begin, runEnd(from: begin, of: .letter))
        case .afterSymbol: letters = .letter
        case .afterSymbolWithMarks: letters = [.letter, .mark]
        case .cased: return casedWord(from: start, first, width)
        case .casedWithContraction:
            return casedWord(from: start, first, width).map { contractionEnd(from: $0, ignoringCase: true) ?? $0 }
        }
        if !first.isDisjoint(with: letters) { return runEnd(from: start + width, of: letters) }
        guard first.isDisjoint(with: [.number, .newline]) else { return nil }
        return nonEmpty(start + width, runEnd(from: start + width, of: letters))
    }

    /// Capitals then small letters, at least one of these; else at least one capital. Letters without case and marks
    /// are both.
    private func casedWord(from start: Int, _ first: ScalarClass, _ width: Int) -> Int? {
        let mayPrecede = first.isDisjoint(with: [.letter, .number, .newline])
        let begins = mayPrecede ? [start + width, start] : [start]
        for begin in begins {
            var cursor = begin
            var lastShared: Int?
            while cursor < end {
                let (value, width) = text.scalar(at: cursor)
                let scalar = classes[value]
                guard WordScanner.isUpper(scalar) else { break }
                if WordScanner.isLower(scalar) { lastShared = cursor }
                cursor += width
            }
            if let lowerEnd = nonEmpty(cursor, lowerEnd(from: cursor)) { return lowerEnd }
            if let lastShared { return lowerEnd(from: lastShared) }
        }
        for begin in begins {
            var cursor = begin
            while cursor < end {
                let (value, width) = text.scalar(at: cursor)
                guard WordScanner.isUpper(classes[value]) else { break }
                cursor += width
            }
            if cursor > begin { return cursor }
        }
        return nil
    }

    private static func isUpper(_ scalar: ScalarClass) -> Bool {
        !scalar.isDisjoint(with: [.letter, .mark]) && !scalar.isAny(of: .lower)
    }

    private static func isLower(_ scalar: ScalarClass) -> Bool {
        !scalar.isDisjoint(with: [.letter, .mark]) && !scalar.isAny(of: .upper)
    }

    private func lowerEnd(from start: Int) -> Int {
        var cursor = start
        while cursor < end {
            let (value, width) = text.scalar(at: cursor)
            guard WordScanner.isLower(classes[value]) else { break }
            cursor += width
        }
        return cursor
    }

    private func number(from start: Int, _ first: ScalarClass, isSpace: Bool) -> Int? {
        switch pattern.numbers {
        case .afterSpace:
            let begin = isSpace ? start + 1 : start
            return nonEmpty(begin, runEnd(from: begin, of: .number))
        case .upTo(let most):
            guard first.isAny(of: .number) else { return nil }
            return most == .max ? runEnd(from: start, of: .number) : runEnd(from: start, of: .number, atMost: most)
        }
    }

    private func symbols(from start: Int, isSpace: Bool) -> Int? {
        let begin = isSpace ? start + 1 : start
        var others: ScalarClass = [.space, .letter, .number]
        if pattern.symbolsExcludeMarks { others.insert(.mark) }
        var cursor = runEnd(from: begin, of: others, are: false)
        guard cursor > begin else { return nil }
        while cursor < end {
            switch (text[cursor], pattern.symbolTail) {
            case (0x0A, .newlines), (0x0D, .newlines), (0x0A, .newlinesAndSlashes), (0x0D, .newlinesAndSlashes),
                (0x2F, .newlinesAndSlashes):
                cursor += 1
            default: return cursor
            }
        }
        return cursor
    }

    /// A run of white space up to its last line break. Without one it is all but its last scalar (which goes with the word
    /// that follows), or all of it at the end of the text.
    private func whiteSpace(from start: Int) -> Int {
        var cursor = start
        var last = start
        var afterNewline: Int?
        while cursor < end {
            let (value, width) = text.scalar(at: cursor)
            let scalar = classes[value]
            guard scalar.isAny(of: .space) else { break }
            last = cursor
            cursor += width
            if scalar.isAny(of: .newline) { afterNewline = cursor }
        }
        if pattern.cutsAfterNewlines, let afterNewline { return afterNewline }
        if cursor == start { return start + text.scalar(at: start).width }
        return cursor == end || last == start ? cursor : last
    }

    // MARK: - Runs

    /// The end of a run of scalars that are, or are not, of some classes. Most text is ASCII: one look-up per byte.
    @inline(__always)
    private func runEnd(from start: Int, of classes: ScalarClass, are wanted: Bool = true) -> Int {
        var cursor = start
        while cursor < end {
            let byte = text[cursor]
            if byte < 0x80 {
                guard !self.classes[ascii: byte].isDisjoint(with: classes) == wanted else { break }
                cursor &+= 1
            } else {
                let (value, width) = text.scalar(at: cursor)
                guard !self.classes[value].isDisjoint(with: classes) == wanted else { break }
                cursor &+= width
            }
        }
        return cursor
    }

    private func runEnd(from start: Int, of wanted: ScalarClass, atMost most: Int) -> Int {
        var cursor = start
        var count = 0
        while cursor < end, count < most {
            let (value, width) = text.scalar(at: cursor)
            guard !classes[value].isDisjoint(with: wanted) else { break }
            cursor += width
            count += 1
        }
        return cursor
    }

    private func nonEmpty(_ start: Int, _ end: Int) -> Int? { end > start ? end : nil }
}
