import Storage
import Tables

/// Reads the columns of one row, remembering which it used. What a row is follows from its columns: `prompt_ids` or
/// `chosen_ids` make it a row of token ids, `responses` a ranked one, `chosen` or `rejected` a pair (of texts or of
/// messages); without any of them it must have the columns of a data set that is known (`RowFormat.signatures`).
struct RowParser {
    let place: RowPlace
    let mapping: RowMapping
    let rule: EncodingRule
    let row: JSONObject
    /// Columns are strings whatever they mean, as in CSV: numbers and lists are then read out of the text.
    let isText: Bool
    var used: Set<String> = []

    init(
        _ content: TableRow.Content, place: RowPlace, mapping: RowMapping, rule: EncodingRule
    ) throws(PreferenceError) {
        switch content {
        case .columns(let object): (row, isText) = (object, false)
        case .cells(let object): (row, isText) = (object, true)
        case .text(let bytes):
            let json: JSON
            do throws(JSONError) { json = try JSON.parse(bytes) } catch { throw .notJSON(place, error) }
            guard let object = json.object else { throw .notAnObject(place, found: json.kind) }
            (row, isText) = (object, false)
        }
        self.place = place
        self.mapping = mapping
        self.rule = rule
    }

    mutating func content() throws(PreferenceError) -> RowContent {
        if has(RowMapping.promptIDs) || has(RowMapping.chosenIDs) { return try tokenIDs() }
        if has(RowMapping.responses) { return try ranked() }
        if mapping.isNamed || has(mapping.chosenColumn) || has(mapping.rejectedColumn) { return try pair() }
        let formats = RowFormat.signatures.filter { $0.columns.allSatisfy { has($0) } }.map(\.format)
        guard let format = formats.first else { throw .unknownFormat(place, present: row.names) }
        guard formats.count == 1 else { throw .ambiguousFormat(place, present: row.names, formats: formats) }
        switch format {
        case .safeRLHF: return try safeRLHF()
        case .raters: return try raters()
        case .humanReferences: return try humanReferences()
        case .attributes: return try attributes()
        case .strength: return try strength()
        case .answerPair: return try answerPair()
        default: return try answers()
        }
    }

    // MARK: - Kinds of rows

    private mutating func tokenIDs() throws(PreferenceError) -> RowContent {
        let prompt = try ids(RowMapping.promptIDs)
        var responses = [try ids(RowMapping.chosenIDs)]
        if rule.needsRejected { responses.append(try ids(RowMapping.rejectedIDs)) }
        return try pairContent(.tokenIDs, .ids(prompt: prompt, responses: responses))
    }

    private mutating func pair() throws(PreferenceError) -> RowContent {
        if has(RowMapping.conversations) { return try shareGPT() }
        if has(RowMapping.instruction), !has(mapping.promptColumn), !mapping.promptIsRequired {
            return try instruction()
        }
        let columns = [mapping.promptColumn, mapping.chosenColumn, mapping.rejectedColumn]
        if let column = columns.first(where: { isMessages($0) }) { return try messages(first: column) }
        if has(mapping.promptColumn) || mapping.promptIsRequired { return try explicitPrompt() }
        return try implicitPrompt()
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
        let list = try array(RowMapping.responses, of: "strings")
        let body: RowContent.Body
        if isMessages(mapping.promptColumn) || list.contains(where: { $0.array != nil }) {
            body = try rankedMessages(list)
        } else {
            let prompt = try text(mapping.promptColumn, remedy: "name its column with prompt_column")
            var responses: [String] = []
            for (number, value) in list.enumerated() {
                guard let response = value.string else {
                    throw wrongType("\(RowMapping.responses)[\(number)]", value, "a string")
                }
                responses.append(response)
            }
            body = .text(prompt: prompt, responses: responses)
        }
        let pairs = try rankedPairs(of: list.count)
        let scores = try rankedScores(of: list.count)
        return RowContent(
            format: .ranked, body: body, pairs: wanted(pairs), scores: scores,
            obstacle: pairs.isEmpty ? .noPairs : nil, unusedColumns: unusedColumns)
    }

    /// A row of one pair, with the scores of its two responses.
    mutating func pairContent(
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
        guard let column = value(of: RowMapping.scores), column.array != nil else {
            throw missing("pairs", remedy: "give a list of [winner, loser] indices, or scores as a list of numbers")
        }
        used.insert(RowMapping.scores)
        return Self.pairs(by: try numbers(RowMapping.scores, column, count: responses))
    }

    /// Every two responses with different scores.
    package static func pairs(by scores: [Double]) -> [RankedPair] {
        var pairs: [RankedPair] = []
        for first in scores.indices {
            for second in scores.indices[(first + 1)...] where scores[first] != scores[second] {
                let firstWins = scores[first] > scores[second]
                pairs.append(RankedPair(chosen: firstWins ? first : second, rejected: firstWins ? second : first))
            }
        }
        return pairs
    }

    /// Without rejected responses each winner counts once, however many it beat.
    func wanted(_ pairs: [RankedPair]) -> [RankedPair] {
        guard !rule.needsRejected else { return pairs }
        return Set(pairs.map(\.chosen)).sorted().map { RankedPair(chosen: $0, rejected: nil) }
    }

    /// The prompt of a row that has nothing else to offer, for `generate`: its ids, its text or its messages.
    mutating func promptOnly() throws(PreferenceError) -> RowContent.Body {
        if has(RowMapping.promptIDs) { return .ids(prompt: try ids(RowMapping.promptIDs), responses: []) }
        if isMessages(mapping.promptColumn) {
            let prompt = try messageList(mapping.promptColumn)
            return .conversation(try conversation(prompt, [], column: mapping.promptColumn))
        }
        let remedy = "each row needs a prompt: a string, a list of messages, or prompt_ids"
        return .text(prompt: try text(mapping.promptColumn, remedy: remedy), responses: [])
    }
}
