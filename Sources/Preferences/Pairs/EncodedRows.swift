/// Encoded rows as flat 32-bit words, which ranks exchange as they are.
///
///     words  = names, name…, record…
///     record = size of the rest, row, and what `EncodedRow.write` puts down
///
/// A column that isn't used is named by the first record that has it, at least. Rows and lines go up to 2³¹ − 1. All ranks
/// are one program, which the preflight has made sure of, so words are read as they were written.
package struct EncodedRows: Sendable, Equatable {
    package private(set) var words: [Int32]
    private var knownColumns: Set<String> = []
    /// Words before the first record.
    private var headerCount = 0
    /// Rows, dropped ones included.
    package private(set) var count = 0

    /// - Parameter scoreNames: the rule's; every row that is appended has one score for each.
    package init(scoreNames: [String]) {
        words = []
        words.append(texts: scoreNames)
        headerCount = words.count
    }

    /// Rows as another rank encoded them.
    package init(words: [Int32]) {
        self.words = words
        var reader = reader
        while reader.nextRecord() != nil { count += 1 }
    }

    var reader: EncodedRowsReader { EncodedRowsReader(words) }

    package mutating func append(_ row: EncodedRow) {
        let start = words.count
        words += [0, Int32(row.row)]
        row.write(to: &words, unusedColumns: row.unusedColumns.filter { knownColumns.insert($0).inserted })
        words[start] = Int32(words.count - start - 1)
        count += 1
    }

    /// Rows that were encoded apart, with the same score names.
    mutating func append(contentsOf others: EncodedRows) {
        words += others.words[others.headerCount...]
        count += others.count
    }
}

extension EncodedRow {
    fileprivate func write(to words: inout [Int32], unusedColumns: [String]) {
        words += [Int32(line), Int32(format.number), notes.rawValue]
        words.append(texts: unusedColumns)
        words.append(texts: source.map { [$0] } ?? [])
        switch outcome {
        case .dropped(let reason): words += [0, reason.rawValue]
        case .comparison(let comparison):
            words += [1, Int32(comparison.promptCut)]
            words.append(list: comparison.prompt)
            words.append(Int32(comparison.responses.count))
            for response in comparison.responses {
                words.append(list: response.tokens)
                words += [Int32(response.spans.head), (response.straddles ? 1 : 0) | (response.isCut ? 2 : 0)]
                words.append(list: response.spans.gaps.flatMap { [Int32($0.lowerBound), Int32($0.upperBound)] })
                words += response.scores.map { Int32(bitPattern: $0.bitPattern) }
            }
            words.append(Int32(comparison.judgements.count))
            for judgement in comparison.judgements { judgement.write(to: &words) }
            words.append(list: comparison.skipped.map(\.rawValue))
        }
    }
}

extension Judgement {
    /// A pair's indices; else an index or a count and a negative number that says what it is of.
    fileprivate func write(to words: inout [Int32]) {
        switch self {
        case .pair(let pair): words += [Int32(pair.chosen), Int32(pair.rejected)]
        case .demonstration(let response): words += [Int32(response), -1]
        case .prompt(let response): words += [Int32(response), -5]
        case .labelled(let response, let isDesirable): words += [Int32(response), isDesirable ? -2 : -3]
        case .list(let preferences):
            words += [Int32(preferences.count), -4]
            for preference in preferences { words += [Int32(preference.chosen), Int32(preference.rejected)] }
        }
    }
}

extension RowFormat {
    /// The format's place among all.
    fileprivate var number: Int { RowFormat.all.firstIndex(of: self) ?? 0 }
}

extension [Int32] {
    fileprivate mutating func append(list: [Int32]) {
        append(Int32(list.count))
        self += list
    }

    /// Texts by their bytes, a word each.
    fileprivate mutating func append(texts: [String]) {
        append(Int32(texts.count))
        for text in texts { append(list: text.utf8.map { Int32($0) }) }
    }
}
