/// All comparisons of a file as token ids: the same value on every rank, whoever encoded which row.
///
/// Indices are into the arrays of this value; token ranges are into `tokens`.
package struct PreferenceSet: Sendable, Equatable {
    /// One prompt with its responses: what a packed micro-batch holds as a whole.
    package struct Comparison: Sendable, Equatable {
        /// Data row, counted from 0 without blank lines.
        package let row: Int
        /// Line of the file, counted from 1.
        package let line: Int
        /// At least one token.
        package let prompt: Range<Int>
        package let responses: Range<Int>
        package let judgements: Range<Int>
        /// Tokens cut from the prompt's start to fit `max_length`.
        package let promptCut: Int
    }

    /// A response that at least one judgement speaks of.
    ///
    /// Usually all its tokens are scored. Where a tokenizer joined the end of the prompt with the start of *another*
    /// response of the same row, that other response's first token begins inside the prompt; what all responses share
    /// then ends earlier, and the rest of the prompt stands at the start of this response's tokens, unscored. With
    /// `score_turns: all` a response is a dialogue from its first answer on, and what others say in it is unscored. To
    /// the model they are rows of the response like any others; only their own logps don't count.
    package struct Response: Sendable, Equatable {
        package let comparison: Int
        /// The range of the tokens that follow the shared prompt.
        package let tokens: Range<Int>
        /// Which of `tokens` are scored: what logps sum over.
        package let spans: ScoredSpans
        /// The first scored token begins inside the prompt's text.
        package let straddles: Bool
        /// The end was cut off to fit `max_length`.
        package let isCut: Bool

        /// n, the number of scored tokens, including the end-of-sequence token if there is one.
        package var length: Int { spans.count }
    }

    /// The comparisons of one of several data files, and what they are there for.
    package struct Part: Sendable, Equatable {
        package let comparisons: Range<Int>
        /// w_k, the weight of the file's own loss in each step; nil: its rows are drawn with those of the others.
        package let lossWeight: Double?
        /// The objective that its preferences are of; nil: the run's `preference_name`.
        package let preference: String?

        package init(comparisons: Range<Int>, lossWeight: Double?, preference: String?) {
            (self.comparisons, self.lossWeight, self.preference) = (comparisons, lossWeight, preference)
        }
    }

    /// A row, or a judgement of a row that has others, that can't be trained on.
    package struct Drop: Sendable, Equatable {
        package let row: Int
        package let line: Int
        package let reason: DropReason
    }

    /// The ids of all prompts and responses, one after the other.
    package private(set) var tokens = TokenIDs()
    /// In the order of the file's rows.
    package private(set) var comparisons: [Comparison] = []
    package private(set) var responses: [Response] = []
    /// The judgements that the objective takes, of indices into `responses`; a step counts these.
    package private(set) var judgements: [Judgement] = []
    /// The data files, if any of them has a loss or an objective of its own; otherwise empty.
    package private(set) var parts: [Part] = []
    /// Margin rewards that the file gives: name → one value for each of `responses`.
    package private(set) var scores: [String: [Float]] = [:]
    /// Rows without a usable judgement.
    package private(set) var drops: [Drop] = []
    /// Judgements left out of rows that have others, one entry each.
    package private(set) var skips: [Drop] = []
    /// Data rows read: comparisons and drops.
    package private(set) var rows = 0
    /// The formats that the rows were taken for, in the order of `RowFormat.all`; formats that occur only.
    package private(set) var formats: [(format: RowFormat, rows: Int)] = []
    /// Notes on what was done to rows, each with the lines of those rows; notes that occur only.
    package private(set) var notes: [RowNote: [Int]] = [:]
    package private(set) var sources = RowSources()
    /// Columns of the file that the run doesn't use, sorted.
    package private(set) var unusedColumns: [String] = []

    private init() {}

    /// Puts the ranks' shares together, in any order.
    /// - Throws: `PreferenceError.damagedRows` unless together they are the rows 0, 1, 2, … once each.
    package init(merging shares: [EncodedRows]) throws(PreferenceError) {
        var readers: [EncodedRowsReader] = []
        var records: [(row: Int, share: Int, start: Int)] = []
        for share in shares.indices {
            var reader = shares[share].reader
            while let (start, row) = reader.nextRecord() { records.append((row, share, start)) }
            if let first = readers.first, first.scoreNames != reader.scoreNames {
                throw .damagedRows(reason: "scores \(first.scoreNames) in one share, \(reader.scoreNames) in another")
            }
            readers.append(reader)
        }
        records.sort { ($0.row, $0.share) < ($1.row, $1.share) }
        let scoreNames = readers.first?.scoreNames ?? []
        var columns: Set<String> = []
        var formats: [RowFormat: Int] = [:]
        var values = [[Float]](repeating: [], count: scoreNames.count)
        for (expected, place) in records.enumerated() {
            guard place.row == expected else {
                throw .damagedRows(
                    reason: place.row < expected ? "row \(place.row) is there twice" : "row \(expected) is missing")
            }
            let record = readers[place.share].record(at: place.start)
            columns.formUnion(record.unusedColumns)
            formats[record.format, default: 0] += 1
            for note in RowNote.allCases where record.notes.contains(note) {
                notes[note, default: []].append(record.line)
            }
            switch record.outcome {
            case .dropped(let reason): drops.append(Drop(row: record.row, line: record.line, reason: reason))
            case .comparison(let comparison):
                sources.append(record.source, of: comparisons.count)
                append(comparison, row: record.row, line: record.line, &values)
            }
        }
        rows = records.count
        unusedColumns = columns.sorted()
        self.formats = RowFormat.all.compactMap { format in formats[format].map { (format, $0) } }
        scores = Dictionary(zip(scoreNames, values), uniquingKeysWith: { first, _ in first })
    }

    private mutating func append(_ comparison: EncodedComparison, row: Int, line: Int, _ values: inout [[Float]]) {
        let index = comparisons.count
        let first = (response: responses.count, judgement: judgements.count)
        let prompt = append(comparison.prompt)
        for response in comparison.responses {
            responses.append(
                Response(
                    comparison: index, tokens: append(response.tokens), spans: response.spans,
                    straddles: response.straddles, isCut: response.isCut))
            for (name, score) in response.scores.enumerated() { values[name].append(score) }
        }
        judgements += comparison.judgements.map { $0.mapped { first.response + $0 } }
        comparisons.append(
            Comparison(
                row: row, line: line, prompt: prompt, responses: first.response..<responses.count,
                judgements: first.judgement..<judgements.count, promptCut: comparison.promptCut))
        skips += comparison.skipped.map { Drop(row: row, line: line, reason: $0) }
    }

    private mutating func append(_ ids: [Int32]) -> Range<Int> {
        tokens.append(contentsOf: ids)
        return tokens.count - ids.count..<tokens.count
    }

    package static func == (a: PreferenceSet, b: PreferenceSet) -> Bool {
        a.tokens == b.tokens && a.comparisons == b.comparisons && a.responses == b.responses
            && a.judgements == b.judgements && a.parts == b.parts
            && a.scores == b.scores && a.drops == b.drops && a.skips == b.skips && a.rows == b.rows
            && a.notes == b.notes && a.sources == b.sources
            && a.unusedColumns == b.unusedColumns && a.formats.elementsEqual(b.formats, by: ==)
    }
}

// MARK: - Prompts with other responses

extension PreferenceSet {
    /// A prompt of a set, and a response that may be another prompt's.
    package struct Pairing: Sendable, Hashable {
        /// The response whose prompt it is.
        package let prompt: Int
        package let response: Int

        package init(prompt: Int, response: Int) {
            self.prompt = prompt
            self.response = response
        }
    }

    /// Each prompt with the scored tokens of its response, as one comparison of one demonstration, in the given order.
    /// - Parameter longest: responses are cut where prompt and response would have more tokens; one is left at least.
    package init(pairing pairings: [Pairing], of set: PreferenceSet, longest: Int) {
        self.init()
        var none: [[Float]] = []
        for (row, pairing) in pairings.enumerated() {
            let own = set.responses[pairing.prompt]
            let comparison = set.comparisons[own.comparison]
            // What of the prompt stands at the start of its own response.
            let prompt = Array(set.tokens[comparison.prompt] + set.tokens[own.tokens.prefix(own.spans.head)])
            let response = set.scoredTokens(of: set.responses[pairing.response]).prefix(max(1, longest - prompt.count))
            append(
                EncodedComparison(
                    prompt: prompt, promptCut: 0,
                    responses: [
                        .init(
                            tokens: Array(response), spans: ScoredSpans(to: response.count), straddles: false,
                            isCut: false, scores: [])
                    ],
                    judgements: [.demonstration(0)], skipped: []), row: row, line: comparison.line, &none)
        }
        rows = pairings.count
    }
}

// MARK: - Scored tokens

extension PreferenceSet {
    /// The ids of a response's scored tokens.
    package func scoredTokens(of response: Response) -> [Int32] {
        response.spans.ranges.flatMap {
            tokens[response.tokens.lowerBound + $0.lowerBound..<response.tokens.lowerBound + $0.upperBound]
        }
    }
}

// MARK: - Prompts with the policy's own responses

extension PreferenceSet {
    /// The prompts of some comparisons of a set, in the given order, each with responses to be scored as they are. A comparison
    /// has a demonstration for each of its responses, equal ones too.
    package init(answering comparisons: [Int], of set: PreferenceSet, with responses: [[[Int32]]]) {
        self.init()
        var none: [[Float]] = []
        for (row, (comparison, own)) in zip(comparisons, responses).enumerated() {
            let comparison = set.comparisons[comparison]
            append(
                EncodedComparison(
                    prompt: Array(set.tokens[comparison.prompt]), promptCut: 0,
                    responses: own.map {
                        .init(tokens: $0, spans: ScoredSpans(to: $0.count), straddles: false, isCut: false, scores: [])
                    },
                    judgements: own.indices.map { .demonstration($0) }, skipped: []),
                row: row, line: comparison.line, &none)
        }
        rows = comparisons.count
    }
}

// MARK: - Memory

extension PreferenceSet {
    /// Makes the token ids compact, in memory of this process or, if it is given, in some of `tokens.packedBytes` that outlives
    /// this set and all its copies.
    ///
    /// - Parameter writing: false where another process writes the same ids there.
    package mutating func packTokens(into memory: UnsafeMutableRawPointer? = nil, writing: Bool = true) {
        tokens.pack(into: memory, writing: writing)
    }
}

// MARK: - Counts

extension PreferenceSet {
    /// Judgements of which a response's first scored token begins inside the prompt's text.
    package var straddling: Int {
        judgements.count { $0.responses.contains { responses[$0].straddles } }
    }

    /// The objective whose preferences a comparison has, where its file says it.
    package func preference(of comparison: Int) -> String? {
        parts.first { $0.comparisons.contains(comparison) }?.preference
    }

    /// The comparison that a judgement is of.
    package func comparison(of judgement: Judgement) -> Comparison {
        comparisons[responses[judgement.responses[0]].comparison]
    }

    /// Comparisons that lost tokens to `max_length`.
    package var truncatedRows: Int {
        comparisons.count { $0.promptCut > 0 || responses[$0.responses].contains(where: \.isCut) }
    }

    /// Dropped rows by reason; reasons that occur only.
    package var dropCounts: [DropReason: Int] {
        drops.reduce(into: [:]) { $0[$1.reason, default: 0] += 1 }
    }

    /// Most tokens of a prompt with one of its responses; 0 for no comparison.
    package var longest: Int {
        responses.map { comparisons[$0.comparison].prompt.count + $0.tokens.count }.max() ?? 0
    }
}

// MARK: - Several files

extension PreferenceSet {
    /// Joins sets one after the other, each as often as its weight says. The weight's whole part repeats all comparisons,
    /// its fraction adds that share of them, rounded, chosen by the seed. Copies share their tokens. Rows, drops and skips
    /// are counted once; rows are numbered on, lines are those of each file.
    ///
    /// The sets must have been read by one rule.
    ///
    /// - Parameters:
    ///   - names: what rows without a source of their own are from, a name for each set.
    ///   - uses: of each set its file's number, and what that file is there for; empty where all are drawn as one.
    package init(
        joining parts: [(set: PreferenceSet, weight: Double)], names: [String] = [],
        uses: [(file: Int, lossWeight: Double?, preference: String?)] = [], seed: UInt64
    ) {
        self.init()
        var columns: Set<String> = []
        var counts: [RowFormat: Int] = [:]
        for (number, part) in parts.enumerated() {
            let (set, name) = (part.set, number < names.count ? names[number] : nil)
            let order = EpochOrder.comparisons(
                count: set.comparisons.count, shuffle: true, seed: ~seed, epoch: number)
            let whole = Int(part.weight)
            let share = Int(((part.weight - Double(whole)) * Double(order.count)).rounded())
            let (firstToken, firstRow) = (tokens.count, rows)
            tokens.append(contentsOf: set.tokens)
            for _ in 0..<whole {
                for comparison in order.indices { append(comparison, of: set, name, firstToken, firstRow) }
            }
            for comparison in order.prefix(share).sorted() {
                append(comparison, of: set, name, firstToken, firstRow)
            }
            if !uses.isEmpty { endPart(number, of: uses) }
            drops += set.drops.map { Drop(row: firstRow + $0.row, line: $0.line, reason: $0.reason) }
            skips += set.skips.map { Drop(row: firstRow + $0.row, line: $0.line, reason: $0.reason) }
            rows += set.rows
            columns.formUnion(set.unusedColumns)
            for (format, rows) in set.formats { counts[format, default: 0] += rows }
            for (note, lines) in set.notes { notes[note, default: []] += lines }
        }
        unusedColumns = columns.sorted()
        formats = RowFormat.all.compactMap { format in counts[format].map { (format, $0) } }
    }

    /// The comparisons since the last part are one, or belong to it where it is of the same file.
    private mutating func endPart(_ number: Int, of uses: [(file: Int, lossWeight: Double?, preference: String?)]) {
        if number > 0, uses[number].file == uses[number - 1].file { parts.removeLast() }
        parts.append(
            Part(
                comparisons: (parts.last?.comparisons.upperBound ?? 0)..<comparisons.count,
                lossWeight: uses[number].lossWeight, preference: uses[number].preference))
    }

    private mutating func append(
        _ index: Int, of set: PreferenceSet, _ name: String?, _ firstToken: Int, _ firstRow: Int
    ) {
        sources.append(set.sources[index] ?? name, of: comparisons.count)
        let comparison = set.comparisons[index]
        let (firstResponse, firstJudgement) = (responses.count, judgements.count)
        let moved = firstResponse - comparison.responses.lowerBound
        for response in set.responses[comparison.responses] {
            responses.append(
                Response(
                    comparison: comparisons.count, tokens: Self.moved(response.tokens, by: firstToken),
                    spans: response.spans, straddles: response.straddles, isCut: response.isCut))
        }
        for (name, values) in set.scores { scores[name, default: []] += values[comparison.responses] }
        judgements += set.judgements[comparison.judgements].map { $0.mapped { $0 + moved } }
        comparisons.append(
            Comparison(
                row: firstRow + comparison.row, line: comparison.line,
                prompt: Self.moved(comparison.prompt, by: firstToken), responses: firstResponse..<responses.count,
                judgements: firstJudgement..<judgements.count, promptCut: comparison.promptCut))
    }

    private static func moved(_ range: Range<Int>, by count: Int) -> Range<Int> {
        range.lowerBound + count..<range.upperBound + count
    }
}
