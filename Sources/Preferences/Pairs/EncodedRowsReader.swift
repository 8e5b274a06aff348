import Objectives

/// Reads the words of `EncodedRows` back.
struct EncodedRowsReader {
    private let words: [Int32]
    private var position = 0
    private(set) var scoreNames: [String] = []

    init(_ words: [Int32]) {
        self.words = words
        if !words.isEmpty { scoreNames = texts() }
    }

    /// Skips a record, so that rows can be sorted before they are decoded: the record's place and its row; nil at the end.
    mutating func nextRecord() -> (start: Int, row: Int)? {
        guard position < words.count else { return nil }
        let start = position
        position += 1 + Int(words[start])
        return (start, Int(words[start + 1]))
    }

    mutating func record(at start: Int) -> EncodedRow {
        position = start + 1
        let (row, line) = (number(), number())
        let format = RowFormat.all[number()]
        let notes = RowNotes(rawValue: word())
        let columns = texts()
        let source = texts().first
        let outcome: EncodedRow.Outcome = number() == 0 ? .dropped(reason(word())) : .comparison(comparison())
        return EncodedRow(
            row: row, line: line, format: format, unusedColumns: columns, notes: notes, outcome: outcome,
            source: source)
    }

    private mutating func comparison() -> EncodedComparison {
        let promptCut = number()
        let prompt = list()
        let responses = (0..<number()).map { _ in
            let tokens = list()
            let (head, flags) = (number(), word())
            let gaps = list()
            let spans = ScoredSpans(
                to: tokens.count, after: head,
                without: stride(from: 0, to: gaps.count, by: 2).map { Int(gaps[$0])..<Int(gaps[$0 + 1]) })
            return EncodedComparison.Response(
                tokens: tokens, spans: spans, straddles: flags & 1 != 0, isCut: flags & 2 != 0,
                scores: scoreNames.map { _ in Float(bitPattern: UInt32(bitPattern: word())) })
        }
        let judgements = (0..<number()).map { _ in judgement() }
        return EncodedComparison(
            prompt: prompt, promptCut: promptCut, responses: responses, judgements: judgements,
            skipped: list().map { reason($0) })
    }

    private mutating func judgement() -> Judgement {
        let first = number()
        let second = number()
        switch second {
        case -1: return .demonstration(first)
        case -2, -3: return .labelled(first, isDesirable: second == -2)
        case -5: return .prompt(first)
        case -4: return .list((0..<first).map { _ in Preference(chosen: number(), rejected: number()) })
        default: return .pair(Preference(chosen: first, rejected: second))
        }
    }

    // MARK: - Words

    private mutating func word() -> Int32 {
        position += 1
        return words[position - 1]
    }

    private mutating func number() -> Int { Int(word()) }

    private mutating func list() -> [Int32] {
        let count = number()
        position += count
        return Array(words[position - count..<position])
    }

    private mutating func texts() -> [String] {
        (0..<number()).map { _ in String(decoding: list().map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self) }
    }

    /// A reason that this program wrote.
    private func reason(_ word: Int32) -> DropReason { DropReason(rawValue: word) ?? .noPairs }
}
