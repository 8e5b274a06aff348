import Storage

/// Reads the columns of one row, remembering which it used. What a row is follows from its columns: `prompt_ids` or
/// `chosen_ids` make it a row of token ids, `responses` a ranked one, anything else text.
struct RowParser {
    let place: RowPlace
    let mapping: RowMapping
    let rule: EncodingRule
    private let row: JSONObject
    private var used: Set<String> = []

    init(line: [UInt8], place: RowPlace, mapping: RowMapping, rule: EncodingRule) throws(PreferenceError) {
        let json: JSON
        do throws(JSONError) { json = try JSON.parse(line) } catch { throw .notJSON(place, error) }
        guard let row = json.object else { throw .notAnObject(place, found: json.kind) }
        self.place = place
        self.mapping = mapping
        self.rule = rule
        self.row = row
    }

    mutating func content() throws(PreferenceError) -> RowContent {
        if has(RowMapping.promptIDs) || has(RowMapping.chosenIDs) { return try tokenIDs() }
        if has(RowMapping.responses) { return try ranked() }
        if has(mapping.promptColumn) || mapping.promptIsRequired { return try explicitPrompt() }
        return try implicitPrompt()
    }

    // MARK: - Kinds of rows

    private mutating func tokenIDs() throws(PreferenceError) -> RowContent {
        let prompt = try ids(RowMapping.promptIDs)
        var responses = [try ids(RowMapping.chosenIDs)]
        if rule.needsRejected { responses.append(try ids(RowMapping.rejectedIDs)) }
        return try pairContent(.tokenIDs, .ids(prompt: prompt, responses: responses))
    }

    private mutating func explicitPrompt() throws(PreferenceError) -> RowContent {
        let prompt = try text(mapping.promptColumn, remedy: "name its column with prompt_column")
        var responses = [try chosen()]
        if rule.needsRejected { responses.append(try rejected()) }
        return try pairContent(.text, .text(prompt: prompt, responses: responses))
    }

    private mutating func implicitPrompt() throws(PreferenceError) -> RowContent {
        let chosen = try chosen()
        let answer = ImplicitPrompt.transcriptPromptLength(of: chosen)
        if !rule.needsRejected, let answer {
            let (prompt, response) = ImplicitPrompt.split(chosen, at: answer)
            return try pairContent(.transcript, .text(prompt: prompt, responses: [response]))
        }
        guard rule.needsRejected || has(mapping.rejectedColumn) else {
            throw missing(mapping.promptColumn, remedy: "add the prompt or name its column with prompt_column")
        }
        let rejected = try rejected()
        let otherAnswer = ImplicitPrompt.transcriptPromptLength(of: rejected)
        let isTranscript = answer != nil || otherAnswer != nil
        let common = isTranscript ? 0 : ImplicitPrompt.commonPromptLength(of: chosen, rejected)
        let (prompt, first) = ImplicitPrompt.split(chosen, at: answer ?? common)
        let (otherPrompt, second) = ImplicitPrompt.split(rejected, at: otherAnswer ?? common)
        return try pairContent(
            isTranscript ? .transcript : .commonPrefix,
            .text(prompt: prompt, responses: rule.needsRejected ? [first, second] : [first]),
            // By bytes: Swift's `==` would let canonically equivalent prompts pass for one.
            obstacle: prompt.utf8.elementsEqual(otherPrompt.utf8) ? nil : .promptsDiffer)
    }

    private mutating func ranked() throws(PreferenceError) -> RowContent {
        let prompt = try text(mapping.promptColumn, remedy: "name its column with prompt_column")
        let list = try array(RowMapping.responses, of: "strings")
        var responses: [String] = []
        for (number, value) in list.enumerated() {
            guard let response = value.string else {
                if value.array != nil { throw .conversational(place, column: RowMapping.responses) }
                throw wrongType("\(RowMapping.responses)[\(number)]", value, "a string")
            }
            responses.append(response)
        }
        let pairs = try rankedPairs(of: responses.count)
        let scores = try rankedScores(of: responses.count)
        return RowContent(
            format: .ranked, body: .text(prompt: prompt, responses: responses), pairs: wanted(pairs), scores: scores,
            obstacle: pairs.isEmpty ? .noPairs : nil, unusedColumns: unusedColumns)
    }

    /// A row of one pair, with the scores of its two responses.
    private mutating func pairContent(
        _ format: RowFormat, _ body: RowContent.Body, obstacle: DropReason? = nil
    ) throws(PreferenceError) -> RowContent {
        let scores = try pairScores()
        return RowContent(
            format: format, body: body, pairs: [RankedPair(chosen: 0, rejected: rule.needsRejected ? 1 : nil)],
            scores: scores, obstacle: obstacle, unusedColumns: unusedColumns)
    }

    // MARK: - Rankings

    /// The pairs of a ranked row: as listed, else every two responses with different scores.
    private mutating func rankedPairs(of responses: Int) throws(PreferenceError) -> [RankedPair] {
        if let column = RowMapping.pairs.first(where: { has($0) }) {
            var pairs: [RankedPair] = []
            for (number, value) in try array(column, of: "[winner, loser] indices").enumerated() {
                guard let two = value.array, two.count == 2, let winner = two[0].integer, let loser = two[1].integer,
                    winner != loser, 0..<responses ~= winner, 0..<responses ~= loser
                else {
                    throw .invalidPair(place, column: column, number: number, found: value.text, responses: responses)
                }
                pairs.append(RankedPair(chosen: winner, rejected: loser))
            }
            return pairs
        }
        guard row[RowMapping.scores]?.array != nil else {
            throw missing("pairs", remedy: "give a list of [winner, loser] indices, or scores as a list of numbers")
        }
        let scores = try numbers(RowMapping.scores, row[RowMapping.scores] ?? .null, count: responses)
        used.insert(RowMapping.scores)
        var pairs: [RankedPair] = []
        for first in 0..<responses {
            for second in first + 1..<max(first + 1, responses) where scores[first] != scores[second] {
                let firstWins = scores[first] > scores[second]
                pairs.append(RankedPair(chosen: firstWins ? first : second, rejected: firstWins ? second : first))
            }
        }
        return pairs
    }

    /// Without rejected responses each winner counts once, however many it beat.
    private func wanted(_ pairs: [RankedPair]) -> [RankedPair] {
        guard !rule.needsRejected else { return pairs }
        return Set(pairs.map(\.chosen)).sorted().map { RankedPair(chosen: $0, rejected: nil) }
    }

    // MARK: - Margin rewards

    private mutating func pairScores() throws(PreferenceError) -> [[Float]] {
        let columns = [RowMapping.chosenScores, RowMapping.rejectedScores].prefix(rule.needsRejected ? 2 : 1)
        var scores: [[Float]] = []
        for column in columns {
            var values: [Float] = []
            for name in rule.scoreNames {
                values.append(try number("\(column).\(name)", try score(column, name)))
            }
            scores.append(values)
        }
        return scores
    }

    private mutating func rankedScores(of responses: Int) throws(PreferenceError) -> [[Float]] {
        var scores = [[Float]](repeating: [], count: responses)
        for name in rule.scoreNames {
            let item = "\(RowMapping.scores).\(name)"
            let values = try numbers(item, try score(RowMapping.scores, name), count: responses)
            for (response, value) in values.enumerated() {
                scores[response].append(try float(item, value))
            }
        }
        return scores
    }

    private mutating func score(_ column: String, _ name: String) throws(PreferenceError) -> JSON {
        guard let value = take(column) else {
            throw missing(column, remedy: "the run's margins need it: an object of name to number")
        }
        guard let object = value.object else { throw wrongType("\"\(column)\"", value, "an object of name to number") }
        guard let score = object[name], !score.isNull else {
            throw .missingScore(place, column: column, name: name, present: object.names)
        }
        return score
    }

    // MARK: - Columns

    private func has(_ column: String) -> Bool { row[column].map { !$0.isNull } ?? false }

    private var unusedColumns: [String] { row.names.filter { has($0) && !used.contains($0) } }

    private mutating func take(_ column: String) -> JSON? {
        used.insert(column)
        return has(column) ? row[column] : nil
    }

    private mutating func chosen() throws(PreferenceError) -> String {
        try text(mapping.chosenColumn, remedy: "name its column with chosen_column")
    }

    private mutating func rejected() throws(PreferenceError) -> String {
        try text(mapping.rejectedColumn, remedy: "name its column with rejected_column")
    }

    mutating func text(_ column: String, remedy: String) throws(PreferenceError) -> String {
        guard let value = take(column) else { throw missing(column, remedy: remedy) }
        guard let text = value.string else {
            if value.array != nil { throw .conversational(place, column: column) }
            throw wrongType("\"\(column)\"", value, "a string")
        }
        return text
    }

    mutating func ids(_ column: String) throws(PreferenceError) -> [Int32] {
        var ids: [Int32] = []
        for (number, value) in try array(column, of: "token ids").enumerated() {
            let item = "\(column)[\(number)]"
            guard let id = value.integer else { throw wrongType(item, value, "a whole number") }
            guard 0..<rule.vocabularySize ~= id, let id = Int32(exactly: id) else {
                throw .idOutOfRange(place, item: item, id: id, vocabularySize: rule.vocabularySize)
            }
            ids.append(id)
        }
        return ids
    }

    private mutating func array(_ column: String, of elements: String) throws(PreferenceError) -> [JSON] {
        guard let value = take(column) else {
            throw missing(column, remedy: "expected a list of \(elements)")
        }
        guard let array = value.array else { throw wrongType("\"\(column)\"", value, "a list of \(elements)") }
        return array
    }

    private func numbers(_ item: String, _ value: JSON, count: Int) throws(PreferenceError) -> [Double] {
        guard let list = value.array else { throw wrongType(item, value, "a list of \(count) numbers") }
        guard list.count == count else {
            throw .wrongCount(place, item: item, found: list.count, responses: count)
        }
        var numbers: [Double] = []
        for (number, element) in list.enumerated() {
            guard let value = element.double else { throw wrongType("\(item)[\(number)]", element, "a number") }
            numbers.append(value)
        }
        return numbers
    }

    private func number(_ item: String, _ value: JSON) throws(PreferenceError) -> Float {
        guard let number = value.double else { throw wrongType(item, value, "a number") }
        return try float(item, number)
    }

    private func float(_ item: String, _ value: Double) throws(PreferenceError) -> Float {
        guard Float(value).isFinite else {
            throw .wrongType(place, item: item, found: "\(value)", expected: "a number that fits 32-bit floating point")
        }
        return Float(value)
    }

    private func missing(_ column: String, remedy: String) -> PreferenceError {
        .missingColumn(place, column: column, present: row.names, remedy: remedy)
    }

    private func wrongType(_ item: String, _ value: JSON, _ expected: String) -> PreferenceError {
        .wrongType(place, item: item, found: value.kind, expected: expected)
    }

    /// The prompt of a row that has nothing else to offer, for `generate`: its ids, or its text.
    mutating func promptOnly() throws(PreferenceError) -> RowContent.Body {
        if has(RowMapping.promptIDs) { return .ids(prompt: try ids(RowMapping.promptIDs), responses: []) }
        let remedy = "each row needs a prompt: a string, or prompt_ids"
        return .text(prompt: try text(mapping.promptColumn, remedy: remedy), responses: [])
    }
}
