import Storage

/// Rows of data sets that say in columns of their own which response is better. The columns are those of the data sets'
/// cards.
extension RowParser {
    /// PKU-SafeRLHF. Margin rewards: `safer` is 1 for the response that `safer_response_id` names, else 0; `safe` is 1 for a
    /// response that `is_response_…_safe`, else 0.
    mutating func safeRLHF() throws(PreferenceError) -> RowContent {
        let better = try choice("better_response_id", among: [0, 1])
        var given: NamedScores = []
        if has("safer_response_id") {
            let safer = try choice("safer_response_id", among: [0, 1])
            given.append(("safer", [safer == 0 ? 1 : 0, safer == 1 ? 1 : 0]))
        }
        if has("is_response_0_safe"), has("is_response_1_safe") {
            let first = try choice("is_response_0_safe", among: [0, 1])
            let second = try choice("is_response_1_safe", among: [0, 1])
            given.append(("safe", [.integer(first), .integer(second)]))
        }
        return try twoResponses(.safeRLHF, prompt: "prompt", ["response_0", "response_1"], better: better, given)
    }

    /// Several raters, each with a label: 1 the first response, 2 the second, 0 a tie. The label with most votes decides; a
    /// tie, also between labels, drops the row. Margin rewards: each rater's vote, 1, 0 or 0.5, by the rater's name.
    mutating func raters() throws(PreferenceError) -> RowContent {
        var votes: [(name: String, label: JSON)] = []
        let isOriginal = has("annotator1")
        if isOriginal {
            for name in row.names where name.hasPrefix("annotator") && has(name) {
                votes.append((name, takeValue(name) ?? .null))
            }
        } else {
            let labels = takeValue("labels") ?? .null
            guard let object = labels.object, !object.isEmpty else {
                throw wrongType(
                    "\"labels\"", labels, "an object of rater to label: 0 a tie, 1 or 2 the better response")
            }
            votes = object.members.filter { !$0.value.isNull }.map { ($0.name, $0.value) }
        }
        var counts = [0, 0, 0]
        var given: NamedScores = []
        for (name, value) in votes {
            guard let label = value.integer, 0...2 ~= label else {
                throw .wrongType(place, item: name, found: value.text, expected: "0 (a tie), 1 or 2")
            }
            counts[label] += 1
            let first = label == 0 ? 0.5 : label == 1 ? 1.0 : 0.0
            given.append((name, [.number(first), .number(1 - first)]))
        }
        let most = counts.max() ?? 0
        let isTie = counts[0] == most || counts[1] == counts[2]
        let better = isTie ? nil : counts[1] > counts[2] ? 0 : 1
        guard isOriginal else {
            return try twoResponses(.raters, prompt: "prompt", ["response_0", "response_1"], better: better, given)
        }
        var prompt = try text("instruction", remedy: "it is the prompt")
        if let input = try optionalText("input"), !input.isEmpty { prompt += "\n" + input }
        return try twoResponses(.raters, promptText: prompt, ["response1", "response2"], better: better, given)
    }

    /// Stanford Human Preferences. Margin reward: `score`.
    mutating func humanReferences() throws(PreferenceError) -> RowContent {
        let better = try choice("labels", among: [1, 0])
        var given: NamedScores = []
        if has("score_A"), has("score_B") {
            given.append(("score", [takeValue("score_A") ?? .null, takeValue("score_B") ?? .null]))
        }
        return try twoResponses(
            .humanReferences, prompt: "history", ["human_ref_A", "human_ref_B"], better: better, given)
    }

    /// HelpSteer: neighbouring rows of one prompt, gathered by `RowReader`, so that columns are lists.
    mutating func attributes() throws(PreferenceError) -> RowContent {
        let prompt = try text(RowMapping.ratedPrompt, remedy: "it is the prompt")
        func list(_ column: String) -> [JSON] {
            used.insert(column)
            let value = row[column] ?? .null
            return value.array ?? [value]
        }
        var responses: [String] = []
        for (number, value) in list("response").enumerated() {
            guard let response = value.string else { throw wrongType("response \(number)", value, "a string") }
            responses.append(response)
        }
        var given: NamedScores = []
        for name in RowMapping.attributes where has(name) {
            given.append((name, list(name).map { isText ? read($0) : $0 }))
        }
        let ranking = try numbers(RowMapping.attributes[0], .array(given[0].values), count: responses.count)
        return try content(.attributes, prompt, responses, pairs: Self.pairs(by: ranking), given)
    }

    /// HelpSteer2's and HelpSteer3's preferences: below 0 the first response is better, above 0 the second. Margin reward:
    /// `strength`, whose difference between the two is how much.
    mutating func strength() throws(PreferenceError) -> RowContent {
        let isThird = has("overall_preference")
        let column = isThird ? "overall_preference" : "preference_strength"
        let columns = isThird ? ["response1", "response2"] : ["response_1", "response_2"]
        let value = takeValue(column) ?? .null
        guard let strength = value.double, strength.isFinite else {
            throw wrongType("\"\(column)\"", value, "a number")
        }
        let better = strength == 0 ? nil : strength < 0 ? 0 : 1
        let given: NamedScores = [("strength", [.number(-strength / 2), .number(strength / 2)])]
        guard isThird, isMessages("context") else {
            return try twoResponses(.strength, prompt: isThird ? "context" : "prompt", columns, better: better, given)
        }
        let prompt = try list(takeValue("context") ?? .null, item: "context")
        var completions: [JSON] = []
        for column in columns {
            let text = try text(column, remedy: "it is a response")
            completions.append([["role": "assistant", "content": .string(text)]])
        }
        let body = RowContent.Body.conversation(try conversation(prompt, completions, column: "context"))
        return try content(.strength, body, responses: 2, pairs: pairs(better: better), given, better == nil)
    }

    mutating func answerPair() throws(PreferenceError) -> RowContent {
        try twoResponses(.answerPair, prompt: "question", ["response_j", "response_k"], better: 0, [])
    }

    /// A StackExchange question with all its answers. Margin rewards: `pm_score`, and `selected` (1 for the answer that the
    /// questioner accepted).
    mutating func answers() throws(PreferenceError) -> RowContent {
        let prompt = try text("question", remedy: "it is the prompt")
        var (texts, scores, selected): ([String], [Double], [JSON]) = ([], [], [])
        for (number, answer) in try array("answers", of: "answers with text and pm_score").enumerated() {
            guard let text = answer["text"]?.string else {
                throw wrongType("answers[\(number)].text", answer["text"] ?? .null, "a string")
            }
            guard let score = answer["pm_score"]?.double else {
                throw wrongType("answers[\(number)].pm_score", answer["pm_score"] ?? .null, "a number")
            }
            texts.append(text)
            scores.append(score)
            selected.append(answer["selected"]?.bool.map { .integer($0 ? 1 : 0) } ?? .null)
        }
        return try content(
            .answers, prompt, texts, pairs: Self.pairs(by: scores),
            [("pm_score", scores.map { .number($0) }), ("selected", selected)])
    }

    // MARK: - What they share

    private func pairs(better: Int?) -> [RankedPair] {
        better.map { [RankedPair(chosen: $0, rejected: 1 - $0)] } ?? []
    }

    /// - Parameter better: place of the better one; nil for a tie.
    private mutating func twoResponses(
        _ format: RowFormat, prompt column: String? = nil, promptText: String? = nil, _ columns: [String], better: Int?,
        _ given: NamedScores
    ) throws(PreferenceError) -> RowContent {
        var prompt = promptText ?? ""
        if let column { prompt = try text(column, remedy: "it is the prompt") }
        var responses: [String] = []
        for column in columns { responses.append(try text(column, remedy: "it is a response")) }
        return try content(
            format, .text(prompt: prompt, responses: responses), responses: 2, pairs: pairs(better: better), given,
            better == nil)
    }

    private func content(
        _ format: RowFormat, _ prompt: String, _ responses: [String], pairs: [RankedPair], _ given: NamedScores
    ) throws(PreferenceError) -> RowContent {
        try content(
            format, .text(prompt: prompt, responses: responses), responses: responses.count, pairs: pairs, given, false)
    }

    private func content(
        _ format: RowFormat, _ body: RowContent.Body, responses: Int, pairs: [RankedPair], _ given: NamedScores,
        _ isTie: Bool
    ) throws(PreferenceError) -> RowContent {
        RowContent(
            format: format, body: body, pairs: wanted(pairs), scores: try scores(given, of: responses),
            obstacle: isTie ? .noPreference : pairs.isEmpty ? .noPairs : nil, unusedColumns: unusedColumns)
    }
}
