/// What became of a data file, for people: the lines printed before step 0.
package struct PreferenceSummary: Sendable, CustomStringConvertible {
    /// Line numbers listed for one reason before an ellipsis stands for the rest.
    static let listed = 5

    /// The counts first, then one line for each thing worth knowing.
    package let lines: [String]

    package init(file: String, set: PreferenceSet) {
        var lines = ["\(file): \(Self.headline(set))"]
        lines += set.formats.map { "read \($0.rows) as \($0.format.noun): \($0.format.explanation)" }
        if !set.skips.isEmpty {
            lines.append("left \(Self.count(set.skips.count, "pair")) out of kept rows: \(Self.reasons(set.skips))")
        }
        if set.truncatedRows > 0 { lines.append("\(Self.count(set.truncatedRows, "row")) cut to fit max_length") }
        if set.straddlingPairs > 0 {
            let pairs = Self.count(set.straddlingPairs, "pair")
            lines.append("\(pairs) with a token on both sides of the boundary, scored as response")
        }
        if !set.unusedColumns.isEmpty {
            lines.append("columns not used: \(set.unusedColumns.joined(separator: ", "))")
        }
        self.lines = lines
    }

    package var description: String { lines.joined(separator: "\n  ") }

    private static func headline(_ set: PreferenceSet) -> String {
        let dropped = set.drops.isEmpty ? "" : "; dropped \(set.drops.count): \(reasons(set.drops))"
        return "\(count(set.rows, "row")), \(content(set))\(dropped)"
    }

    private static func content(_ set: PreferenceSet) -> String {
        if let first = set.pairs.first, first.rejected == nil { return count(set.pairs.count, "chosen response") }
        // Two responses a pair is the rule; anything else is worth a word.
        let several = set.responses.count != 2 * set.pairs.count
        return count(set.pairs.count, "pair") + (several ? " of \(count(set.responses.count, "response"))" : "")
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private static func reasons(_ drops: [PreferenceSet.Drop]) -> String {
        DropReason.allCases.compactMap { reason in
            let lines = drops.filter { $0.reason == reason }.map(\.line)
            guard !lines.isEmpty else { return nil }
            let distinct = lines.enumerated().filter { $0.offset == 0 || lines[$0.offset - 1] != $0.element }
            let numbers = distinct.prefix(listed).map { String($0.element) } + (distinct.count > listed ? ["…"] : [])
            let places = (distinct.count == 1 ? "line " : "lines ") + numbers.joined(separator: ", ")
            let notes = [places, reason.remedy].compactMap { $0 }.joined(separator: "; ")
            return "\(lines.count) \(reason.phrase) (\(notes))"
        }.joined(separator: ", ")
    }
}

extension PreferenceSet {
    /// Throws unless there is something to train or evaluate on.
    /// - Parameter file: how messages call it.
    package func requirePairs(file: String) throws(PreferenceError) {
        guard rows > 0 else { throw .noRows(file: file) }
        guard !pairs.isEmpty else {
            throw .nothingLeft(summary: PreferenceSummary(file: file, set: self).lines[0])
        }
    }
}
