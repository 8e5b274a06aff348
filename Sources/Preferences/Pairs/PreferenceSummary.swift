/// A summary of what became of a data file: the lines printed before step 0.
package struct PreferenceSummary: Sendable, CustomStringConvertible {
    /// Line numbers listed for one reason before an ellipsis stands for the rest.
    static let listed = 5

    /// The counts first, then one line for each thing worth knowing.
    package let lines: [String]

    package init(file: String, set: PreferenceSet) {
        var lines = ["\(file): \(Self.headline(set))"]
        lines += set.formats.map { "read \($0.rows) as \($0.format.noun): \($0.format.explanation)" }
        if !set.skips.isEmpty {
            lines.append("left \(Self.count(set.skips.count, set.noun)) out of kept rows: \(Self.reasons(set.skips))")
        }
        if set.truncatedRows > 0 { lines.append("\(Self.count(set.truncatedRows, "row")) cut to fit max_length") }
        for note in RowNote.allCases {
            guard let rows = set.notes[note] else { continue }
            lines.append("\(Self.count(rows.count, "row")) \(note.phrase) (\(Self.places(rows)))")
        }
        if set.straddling > 0 {
            let count = Self.count(set.straddling, set.noun)
            lines.append("\(count) with a token on both sides of the boundary, scored as response")
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
        let count = count(set.judgements.count, set.noun)
        switch set.judgements.first {
        case .labelled?:
            let desirable = set.judgements.count { if case .labelled(_, true) = $0 { true } else { false } }
            return "\(count) (\(desirable) desirable, \(set.judgements.count - desirable) undesirable)"
        case .demonstration?, .prompt?: return count
        // Two responses a pair is the rule; anything else is worth a word.
        default:
            let several = set.responses.count != 2 * set.judgements.count
            return count + (several ? " of \(Self.count(set.responses.count, "response"))" : "")
        }
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// The first lines of those that something is said of.
    private static func places(_ lines: [Int]) -> String {
        let distinct = lines.enumerated().filter { $0.offset == 0 || lines[$0.offset - 1] != $0.element }
        let numbers = distinct.prefix(listed).map { String($0.element) } + (distinct.count > listed ? ["…"] : [])
        return (distinct.count == 1 ? "line " : "lines ") + numbers.joined(separator: ", ")
    }

    private static func reasons(_ drops: [PreferenceSet.Drop]) -> String {
        DropReason.allCases.compactMap { reason in
            let lines = drops.filter { $0.reason == reason }.map(\.line)
            guard !lines.isEmpty else { return nil }
            let notes = [places(lines), reason.remedy].compactMap { $0 }.joined(separator: "; ")
            return "\(lines.count) \(reason.phrase) (\(notes))"
        }.joined(separator: ", ")
    }
}

extension PreferenceSet {
    /// The word for what a step counts, in the singular.
    package var noun: String {
        switch judgements.first {
        case nil, .pair?: "pair"
        case .list?: "ranked list"
        case .labelled?: "labelled response"
        case .demonstration?: "chosen response"
        case .prompt?: "prompt"
        }
    }

    /// Throws for a file without a row.
    /// - Parameter file: how messages call it.
    package func requireRows(file: String) throws(PreferenceError) {
        guard rows > 0 else { throw .noRows(file: file) }
    }

    /// Throws unless there is something to train or evaluate on.
    /// - Parameter file: how messages call it.
    package func requireJudgements(file: String) throws(PreferenceError) {
        try requireRows(file: file)
        guard !judgements.isEmpty else {
            throw .nothingLeft(summary: PreferenceSummary(file: file, set: self).lines[0])
        }
    }
}
