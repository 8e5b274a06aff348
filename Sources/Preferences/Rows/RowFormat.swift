/// A kind of data row: how it is recognised, and how its columns become a prompt, responses and a statement about them.
///
/// Each format is one value in a file of `Formats`; adding one takes that file and its place in `own` or `published`.
package struct RowFormat: Sendable {
    /// The name of such rows, in the plural: it tells formats apart.
    package let noun: String
    /// For the summary: how prompt and responses were found, and which margin rewards there are.
    package let explanation: String
    /// The columns by which such rows are known, a list for each variant; for messages too.
    package let columns: [[String]]
    /// Whether a row is of this format.
    let recognises: @Sendable (RowColumns) -> Bool
    /// Whether rows that follow each other and have the same prompt are one row, whose other columns are lists.
    let gathersNeighbours: Bool
    let read: @Sendable (inout RowColumns) throws(PreferenceError) -> RowParts

    /// - Parameter condition: what must hold beside all columns of a variant being there.
    init(
        noun: String, explanation: String, columns: [[String]], gathersNeighbours: Bool = false,
        where condition: @escaping @Sendable (RowColumns) -> Bool = { _ in true },
        read: @escaping @Sendable (inout RowColumns) throws(PreferenceError) -> RowParts
    ) {
        self.noun = noun
        self.explanation = explanation
        self.columns = columns
        self.gathersNeighbours = gathersNeighbours
        recognises = { row in columns.contains { $0.allSatisfy(row.sees) } && condition(row) }
        self.read = read
    }

    /// A format that isn't known by columns alone.
    init(
        noun: String, explanation: String, named columns: [[String]] = [],
        recognises: @escaping @Sendable (RowColumns) -> Bool,
        read: @escaping @Sendable (inout RowColumns) throws(PreferenceError) -> RowParts
    ) {
        self.noun = noun
        self.explanation = explanation
        self.columns = columns
        gathersNeighbours = false
        self.recognises = recognises
        self.read = read
    }
}

extension RowFormat: Hashable {
    package static func == (a: RowFormat, b: RowFormat) -> Bool { a.noun == b.noun }
    package func hash(into hasher: inout Hasher) { hasher.combine(noun) }
}

extension RowFormat {
    /// Formats by the names of the contract and of other trainers. The first that recognises a row is it.
    static let own: [RowFormat] = [
        .tokenIDsOfOne, .tokenIDs, .ranked, .shareGPT, .instruction, .messages, .text, .messagesBeside, .questionBeside,
        .wholeDialogues, .transcript, .commonPrefix,
    ]

    /// Data sets' own formats. A row that two of them recognise is refused.
    static let published: [RowFormat] = [
        .safeRLHF, .raters, .humanReferences, .attributes, .strength, .answerPair, .answers, .nectar, .ultraFeedback,
        .ratedInstruction, .arenaConversations, .arenaVotes, .webGPT, .summaries, .outputPair, .rejectedResponse,
        .preferredOutput, .labelled, .labelledInstruction, .labelledDialogue, .completion, .instructionOutput,
        .queryResponse, .dialogue, .document,
    ]

    /// In the order of summaries.
    package static let all = own + published + [.prompts]

    /// The formats of which a row has all columns but one, for the message about a row that is none; empty if there is none.
    static func hint(about present: [String]) -> String {
        let near = all.flatMap { format in
            format.columns.compactMap { columns -> String? in
                let missing = columns.filter { !present.contains($0) }
                guard missing.count == 1, columns.count > 2 else { return nil }
                return "\(format.noun) with \"\(missing[0])\""
            }
        }
        return near.isEmpty ? "" : "it would be \(near.prefix(3).joined(separator: ", or ")); "
    }

    /// All formats with their columns, for the message about a row that is none of them.
    static var known: String {
        all.filter { !$0.columns.isEmpty }.map { format in
            "\(format.noun) (\(format.columns.map { $0.joined(separator: ", ") }.joined(separator: "; or ")))"
        }.joined(separator: ", ")
    }
}

extension RowColumns {
    /// The format of the row: first by columns that hold something, then by columns that are there.
    mutating func format() throws(PreferenceError) -> RowFormat {
        for seesNulls in [false, true] {
            self.seesNulls = seesNulls
            if let own = RowFormat.own.first(where: { $0.recognises(self) }) { return own }
            let formats = RowFormat.published.filter { $0.recognises(self) }
            if formats.count > 1 { throw .ambiguousFormat(place, present: names, formats: formats) }
            if let format = formats.first { return format }
        }
        throw .unknownFormat(place, present: names)
    }

    /// The row in the terms of every format.
    mutating func content() throws(PreferenceError) -> RowContent {
        let format = try format()
        return try content(of: format, format.read(&self))
    }
}
