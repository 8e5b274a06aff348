/// Encoded rows as flat 32-bit words, which ranks can exchange as they are.
///
///     words   = version, rows, names, name…, record…
///     record  = size of the rest, row, line, format, new columns, column…, outcome
///     outcome = 0, reason
///             | 1, prompt cut, tokens, token…, responses, response…, pairs, (chosen, rejected | −1)…, skipped, reason…
///     response = tokens, token…, unscored, flags, score bits (one for each name)
///
/// Names and columns are text: a byte count, then four bytes a word. A column that isn't used is named by the first
/// record that has it, at least. Rows and lines go up to 2³¹ − 1.
package struct EncodedRows: Sendable, Equatable {
    static let version: Int32 = 1
    private static let rowsPlace = 1

    package private(set) var words: [Int32]
    private var knownColumns: Set<String> = []
    /// Words before the first record.
    private var headerCount = 0

    /// - Parameter scoreNames: the rule's; every row that is appended has one score for each.
    package init(scoreNames: [String]) {
        words = [Self.version, 0, Int32(scoreNames.count)]
        for name in scoreNames { append(text: name) }
        headerCount = words.count
    }

    /// Rows as another rank encoded them. Checked when they are merged.
    package init(words: [Int32]) { self.words = words }

    /// Rows, dropped ones included.
    package var count: Int { words.count > Self.rowsPlace ? Int(words[Self.rowsPlace]) : 0 }

    package mutating func append(_ row: EncodedRow) {
        let start = words.count
        words += [0, Int32(row.row), Int32(row.line), row.format.rawValue]
        let newColumns = row.unusedColumns.filter { knownColumns.insert($0).inserted }
        append(newColumns.count)
        for column in newColumns { append(text: column) }
        switch row.outcome {
        case .dropped(let reason):
            words += [0, reason.rawValue]
        case .comparison(let comparison):
            words.append(1)
            append(comparison)
        }
        words[start] = Int32(words.count - start - 1)
        words[Self.rowsPlace] += 1
    }

    /// Rows that were encoded apart, with the same score names.
    mutating func append(contentsOf others: EncodedRows) {
        words += others.words[others.headerCount...]
        words[Self.rowsPlace] += others.words[Self.rowsPlace]
    }

    private mutating func append(_ comparison: EncodedComparison) {
        append(comparison.promptCut)
        append(list: comparison.prompt)
        append(comparison.responses.count)
        for response in comparison.responses {
            append(list: response.tokens)
            append(response.unscored)
            append((response.straddles ? 1 : 0) | (response.isCut ? 2 : 0))
            words += response.scores.map { Int32(bitPattern: $0.bitPattern) }
        }
        append(comparison.pairs.count)
        for pair in comparison.pairs {
            append(pair.chosen)
            append(pair.rejected ?? -1)
        }
        append(list: comparison.skipped.map(\.rawValue))
    }

    private mutating func append(_ number: Int) { words.append(Int32(number)) }

    private mutating func append(list: [Int32]) {
        append(list.count)
        words += list
    }

    private mutating func append(text: String) {
        let bytes = Array(text.utf8)
        append(bytes.count)
        for start in stride(from: 0, to: bytes.count, by: 4) {
            let four = bytes[start..<min(start + 4, bytes.count)]
            words.append(Int32(bitPattern: four.reversed().reduce(0) { $0 << 8 | UInt32($1) }))
        }
    }
}
