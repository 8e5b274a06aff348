/// The patterns that `Replace` and `Split` use besides whole-word patterns: a fixed text, one set of scalars repeated
/// (what most of them are, and found without a matcher), or a regular expression.
enum TextPattern: Sendable, Equatable {
    case literal([UInt8])
    /// Greedy runs of at least `atLeast` and at most `atMost` scalars of a set.
    case run(ScalarSet, atLeast: Int, atMost: Int)
    case expression(RegularExpression)

    /// Reads `{"String": …}` or `{"Regex": …}`.
    init(_ field: FileField) throws(TokenizerError) {
        if !field["String"].isNull {
            let text = try field["String"].string()
            guard !text.isEmpty else { throw field["String"].inconsistent("is empty; a pattern must match something") }
            self = .literal(Array(text.utf8))
            return
        }
        let text = try field["Regex"].string()
        let expression: RegularExpression
        do {
            expression = try RegularExpressionParser.parse(text)
        } catch {
            throw field["Regex"].unsupported(
                "\(error.part) in the pattern \(text)", supported: RegularExpression.supported)
        }
        switch expression.steps[0] {
        case .run(let set, let atLeast, let atMost, .greedy) where expression.steps.count == 2:
            self = .run(set, atLeast: atLeast, atMost: atMost)
        case .scalar(let set) where expression.steps.count == 2 && set.onlyScalar == nil:
            self = .run(set, atLeast: 1, atMost: 1)
        default: self = expression.literal.map { .literal($0) } ?? .expression(expression)
        }
    }

    /// The length in bytes of the match that starts at a place, or nil.
    private func matchLength(_ text: UnsafeBufferPointer<UInt8>, _ place: Int, in range: Range<Int>) -> Int? {
        let end = range.upperBound
        switch self {
        case .expression(let expression): return expression.matchEnd(in: text, range, from: place).map { $0 - place }
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
        if case .literal(let literal) = self {
            var place = range.lowerBound
            while place + literal.count <= range.upperBound {
                if text[place] == literal[0], matchLength(text, place, in: range) != nil {
                    found.append(place..<place + literal.count)
                    place += literal.count
                } else {
                    place += 1
                }
            }
            return found
        }
        var place = range.lowerBound
        while place < range.upperBound {
            if let length = matchLength(text, place, in: range) {
                found.append(place..<place + length)
                place += length
            } else {
                place += text.scalar(at: place).width
            }
        }
        return found
    }
}

extension RegularExpression {
    /// The text that a pattern of single scalars stands for.
    fileprivate var literal: [UInt8]? {
        var literal: [UInt8] = []
        for step in steps.dropLast() {
            guard case .scalar(let set) = step, let scalar = set.onlyScalar else { return nil }
            literal += Array(UTF8.encode(scalar)!)
        }
        return literal
    }
}
