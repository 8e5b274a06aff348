/// Reads the words of `EncodedRows` back. What came over a network is not trusted: every count is checked.
struct EncodedRowsReader {
    private let words: [Int32]
    private var position = 0
    private(set) var scoreNames: [String] = []
    let count: Int

    init(_ rows: EncodedRows) throws(PreferenceError) {
        words = rows.words
        guard words.count >= 3, words[0] == EncodedRows.version else {
            throw .damagedRows(reason: "they don't begin with version \(EncodedRows.version)")
        }
        guard words[1] >= 0 else { throw .damagedRows(reason: "a count of \(words[1]) rows") }
        count = Int(words[1])
        position = 2
        for _ in 0..<(try number()) { scoreNames.append(try text()) }
    }

    /// Skips a record, so that rows can be sorted before they are decoded: the record's place and its row.
    mutating func skipRecord() throws(PreferenceError) -> (start: Int, row: Int) {
        let start = position
        let size = try number()
        guard size >= 1, size <= words.count - position else { throw cutShort }
        let row = try number()
        position += size - 1
        return (start, row)
    }

    var isAtEnd: Bool { position == words.count }

    mutating func record(at start: Int) throws(PreferenceError) -> EncodedRow {
        position = start
        let size = try number()
        let row = try number()
        let line = try number()
        let format: RowFormat = try known(RowFormat(rawValue: Int32(try number())))
        var columns: [String] = []
        for _ in 0..<(try number()) { columns.append(try text()) }
        let outcome: EncodedRow.Outcome =
            try number() == 0
            ? .dropped(try known(DropReason(rawValue: Int32(try number()))))
            : .comparison(try comparison())
        guard position == start + 1 + size else {
            throw .damagedRows(reason: "row \(row) isn't as long as it says")
        }
        return EncodedRow(row: row, line: line, format: format, unusedColumns: columns, outcome: outcome)
    }

    private mutating func comparison() throws(PreferenceError) -> EncodedComparison {
        let promptCut = try number()
        let prompt = try list()
        var responses: [EncodedComparison.Response] = []
        for _ in 0..<(try number()) {
            let tokens = try list()
            let unscored = try number()
            let flags = try number()
            guard unscored < tokens.count else { throw .damagedRows(reason: "a response without scored tokens") }
            var scores: [Float] = []
            for _ in scoreNames { scores.append(Float(bitPattern: UInt32(bitPattern: try word()))) }
            responses.append(
                .init(
                    tokens: tokens, unscored: unscored, straddles: flags & 1 != 0, isCut: flags & 2 != 0,
                    scores: scores))
        }
        var pairs: [EncodedComparison.Pair] = []
        for _ in 0..<(try number()) {
            let chosen = try number()
            let rejected = Int(try word())
            guard chosen < responses.count, -1..<responses.count ~= rejected else {
                throw .damagedRows(reason: "a pair of responses that aren't there")
            }
            pairs.append(.init(chosen: chosen, rejected: rejected < 0 ? nil : rejected))
        }
        var skipped: [DropReason] = []
        for reason in try list() { skipped.append(try known(DropReason(rawValue: reason))) }
        return EncodedComparison(
            prompt: prompt, promptCut: promptCut, responses: responses, pairs: pairs, skipped: skipped)
    }

    // MARK: - Words

    private var cutShort: PreferenceError { .damagedRows(reason: "they end in the middle of a row") }

    private mutating func word() throws(PreferenceError) -> Int32 {
        guard position < words.count else { throw cutShort }
        position += 1
        return words[position - 1]
    }

    private mutating func number() throws(PreferenceError) -> Int {
        let number = Int(try word())
        guard number >= 0 else { throw .damagedRows(reason: "\(number) where a count was expected") }
        return number
    }

    private mutating func list() throws(PreferenceError) -> [Int32] {
        let count = try number()
        guard count <= words.count - position else { throw cutShort }
        position += count
        return Array(words[position - count..<position])
    }

    private mutating func text() throws(PreferenceError) -> String {
        let count = try number()
        guard count <= 4 * (words.count - position) else { throw cutShort }
        var bytes: [UInt8] = []
        while bytes.count < count {
            let word = UInt32(bitPattern: try word())
            for shift in stride(from: UInt32(0), to: 32, by: 8) where bytes.count < count {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func known<Case>(_ value: Case?) throws(PreferenceError) -> Case {
        guard let value else { throw .damagedRows(reason: "a word that this version doesn't know") }
        return value
    }
}
