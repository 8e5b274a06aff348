/// The treatment of the delimiters when a text is split at them. The names are those of `tokenizer.json`.
enum SplitBehavior: String, Sendable, CaseIterable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"

    init(_ field: FileField) throws(TokenizerError) {
        let name = try field.string()
        guard let behavior = SplitBehavior(rawValue: name) else {
            throw field.unsupported(
                "\"\(name)\"", supported: SplitBehavior.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self = behavior
    }

    /// Splits a range at the delimiters found in it. Parts of no bytes are left out.
    /// - Parameter inverted: the delimiters are what lies between `matches`.
    func split(_ range: Range<Int>, at matches: [Range<Int>], inverted: Bool = false) -> [Range<Int>] {
        var parts: [(range: Range<Int>, isDelimiter: Bool)] = []
        var place = range.lowerBound
        for match in matches {
            if place < match.lowerBound { parts.append((place..<match.lowerBound, inverted)) }
            parts.append((match, !inverted))
            place = match.upperBound
        }
        if place < range.upperBound { parts.append((place..<range.upperBound, inverted)) }
        switch self {
        case .isolated: return parts.map(\.range).filter { !$0.isEmpty }
        case .removed: return parts.filter { !$0.isDelimiter }.map(\.range).filter { !$0.isEmpty }
        case .contiguous: return merged(parts) { previous, part in previous.isDelimiter == part.isDelimiter }
        case .mergedWithPrevious:
            return merged(parts) { previous, part in part.isDelimiter && !previous.isDelimiter }
        case .mergedWithNext:
            // Pairs are made from the end: of several delimiters only the last goes with what follows.
            return merged(parts) { delimiter, part in delimiter.isDelimiter && !part.isDelimiter }
        }
    }

    /// Joins each part to the one before it where `joins` says so of the two.
    private func merged(
        _ parts: [(range: Range<Int>, isDelimiter: Bool)],
        where joins: ((range: Range<Int>, isDelimiter: Bool), (range: Range<Int>, isDelimiter: Bool)) -> Bool
    ) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for (index, part) in parts.enumerated() {
            if index > 0, joins(parts[index - 1], part) {
                result[result.count - 1] = result[result.count - 1].lowerBound..<part.range.upperBound
            } else {
                result.append(part.range)
            }
        }
        return result.filter { !$0.isEmpty }
    }
}
