/// The patterns that `Replace` and `Split` use besides whole-word patterns. One is a fixed text, one set of scalars
/// repeated (what most of them are, and found without a search), or any other regular expression.
enum TextPattern: Sendable {
    case literal([UInt8])
    case run(ScalarRun)
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
        do {
            if !text.isEmpty, !text.contains(where: { #"\^$.|?*+()[]{}"#.contains($0) }) {
                self = .literal(Array(text.utf8))
            } else if let run = try ScalarRun(pattern: text) {
                self = .run(run)
            } else {
                self = .expression(try RegularExpression(text))
            }
        } catch {
            throw field["Regex"].inconsistent("\(error.reason), in the pattern \(text)")
        }
    }

    /// Leftmost, non-overlapping matches inside each of some ranges.
    /// - Throws: `Fault` for a search that takes too long.
    func matches(
        in text: UnsafeBufferPointer<UInt8>, _ ranges: [Range<Int>], _ allowance: inout RegularExpression.Allowance
    ) throws(RegularExpression.Fault) -> [[Range<Int>]] {
        switch self {
        case .literal(let literal): ranges.map { Self.matches(of: literal, in: text, $0) }
        case .run(let run): ranges.map { run.matches(in: text, $0) }
        case .expression(let expression): try expression.matches(in: text, ranges, &allowance)
        }
    }

    private static func matches(
        of literal: [UInt8], in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
    ) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var place = range.lowerBound
        while place + literal.count <= range.upperBound {
            if text[place] == literal[0], literal.indices.allSatisfy({ text[place + $0] == literal[$0] }) {
                found.append(place..<place + literal.count)
                place += literal.count
            } else {
                place += 1
            }
        }
        return found
    }
}
