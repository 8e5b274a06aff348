/// The patterns that `Replace` and `Split` use besides whole-word patterns: a fixed text, or one class of scalars
/// repeated. Anything richer is refused, since it would need a regex engine.
enum TextPattern: Sendable, Equatable {
    case literal([UInt8])
    /// Greedy runs of at least `atLeast` and at most `atMost` scalars of a set.
    case run(ScalarSet, atLeast: Int, atMost: Int)

    static let supported = "literal texts and runs such as \"\\s+\", \" {2,}\" or \"[\\r\\n]\""

    /// Reads `{"String": …}` or `{"Regex": …}`.
    init(_ field: FileField) throws(TokenizerError) {
        if !field["String"].isNull {
            let text = try field["String"].string()
            guard !text.isEmpty else { throw field["String"].inconsistent("is empty; a pattern must match something") }
            self = .literal(Array(text.utf8))
            return
        }
        let text = try field["Regex"].string()
        var parser = RegexParser(text)
        guard let pattern = parser.pattern() else {
            throw field["Regex"].unsupported("the pattern \(text)", supported: TextPattern.supported)
        }
        self = pattern
    }

    /// The length in bytes of the match that starts at a place, or nil.
    private func matchLength(_ text: UnsafeBufferPointer<UInt8>, _ place: Int, _ end: Int) -> Int? {
        switch self {
        case .literal(let literal):
            guard place + literal.count <= end else { return nil }
            for index in literal.indices where text[place + index] != literal[index] { return nil }
            return literal.count
        case .run(let set, let atLeast, let atMost):
            var count = 0
            var cursor = place
            while cursor < end, count < atMost {
                let (value, width) = text.scalar(at: cursor)
                guard set.contains(value) else { break }
                cursor += width
                count += 1
            }
            return count >= atLeast ? cursor - place : nil
        }
    }

    /// Leftmost, non-overlapping matches inside a range.
    func matches(in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var place = range.lowerBound
        while place < range.upperBound {
            if let length = matchLength(text, place, range.upperBound) {
                found.append(place..<place + length)
                place += length
            } else {
                place += text.scalar(at: place).width
            }
        }
        return found
    }
}

/// A set of scalars: some ranges and some classes, or all but those.
struct ScalarSet: Sendable, Equatable {
    var ranges: [ClosedRange<UInt32>] = []
    var classes: ScalarClass = []
    var negated = false

    func contains(_ value: UInt32) -> Bool {
        let inside =
            !ScalarClassTable.unicode[value].isDisjoint(with: classes) || ranges.contains { $0.contains(value) }
        return inside != negated
    }
}

/// Reads the few regular expressions that `TextPattern` can stand for.
private struct RegexParser {
    private var rest: Substring.UnicodeScalarView

    init(_ text: String) { rest = Substring(text).unicodeScalars }

    mutating func pattern() -> TextPattern? {
        var literal: [UInt8] = []
        var isFirst = true
        while !rest.isEmpty {
            guard let set = element(), let count = quantifier() else { return nil }
            if isFirst, rest.isEmpty, count.lowerBound > 0 {
                if count != 1...1 || set.onlyScalar == nil {
                    return .run(set, atLeast: count.lowerBound, atMost: count.upperBound)
                }
            }
            guard let scalar = set.onlyScalar, count == 1...1 else { return nil }
            literal += UTF8.encode(scalar)!
            isFirst = false
        }
        return literal.isEmpty ? nil : .literal(literal)
    }

    private mutating func element() -> ScalarSet? {
        guard let first = rest.popFirst() else { return nil }
        switch first {
        case "[": return bracket()
        case "\\": return escape()
        case ".", "(", ")", "*", "+", "?", "{", "}", "|", "^", "$", "]": return nil
        default: return ScalarSet(ranges: [first.value...first.value])
        }
    }

    private mutating func escape() -> ScalarSet? {
        guard let letter = rest.popFirst() else { return nil }
        switch letter {
        case "s": return ScalarSet(classes: .space)
        case "n": return ScalarSet(ranges: [0x0A...0x0A])
        case "r": return ScalarSet(ranges: [0x0D...0x0D])
        case "t": return ScalarSet(ranges: [0x09...0x09])
        case "p":
            for (name, classes) in [
                ("{L}", ScalarClass.letter), ("{N}", .number), ("{M}", .mark), ("{P}", .punctuation), ("{Ll}", .lower),
            ] where rest.starts(with: name.unicodeScalars) {
                rest.removeFirst(name.unicodeScalars.count)
                return ScalarSet(classes: classes)
            }
            return nil
        case _ where letter.isASCII && !letter.isWord: return ScalarSet(ranges: [letter.value...letter.value])
        default: return nil
        }
    }

    private mutating func bracket() -> ScalarSet? {
        var set = ScalarSet()
        if rest.first == "^" {
            rest.removeFirst()
            set.negated = true
        }
        while let next = rest.popFirst() {
            if next == "]" { return set }
            if next == "[" || next == "&" { return nil }
            let plain = ScalarSet(ranges: [next.value...next.value])
            guard let member = next == "\\" ? escape() : plain else { return nil }
            set.classes.formUnion(member.classes)
            if rest.first == "-", let low = member.onlyScalar, let high = rest.dropFirst().first, high != "]" {
                guard high != "\\", high != "[", low <= high else { return nil }
                rest.removeFirst(2)
                set.ranges.append(low.value...high.value)
            } else {
                set.ranges += member.ranges
            }
        }
        return nil
    }

    private mutating func quantifier() -> ClosedRange<Int>? {
        switch rest.first {
        case "+":
            rest.removeFirst()
            return followed(by: 1...Int.max)
        case "*", "?": return nil
        case "{":
            guard let close = rest.firstIndex(of: "}") else { return nil }
            let bounds = String(rest[rest.index(after: rest.startIndex)..<close])
                .split(separator: ",", omittingEmptySubsequences: false)
            rest = rest[rest.index(after: close)...]
            guard let low = bounds.first.flatMap({ Int($0) }), low >= 0, bounds.count <= 2 else { return nil }
            if bounds.count == 1 { return followed(by: low...low) }
            if bounds[1].isEmpty { return followed(by: low...Int.max) }
            guard let high = Int(bounds[1]), high >= low else { return nil }
            return followed(by: low...high)
        default: return 1...1
        }
    }

    /// A second quantifier would make the first lazy, possessive or nested.
    private func followed(by count: ClosedRange<Int>) -> ClosedRange<Int>? {
        switch rest.first {
        case "+", "*", "?", "{": nil
        default: count
        }
    }
}

extension ScalarSet {
    /// The scalar of a set of exactly one.
    fileprivate var onlyScalar: Unicode.Scalar? {
        guard classes.isEmpty, !negated, ranges.count == 1, ranges[0].count == 1 else { return nil }
        return Unicode.Scalar(ranges[0].lowerBound)
    }
}
