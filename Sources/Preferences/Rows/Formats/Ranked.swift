import Objectives
import Storage

/// Several responses of one prompt, and which of them are better.
extension RowFormat {
    package static let ranked = RowFormat(
        noun: "ranked rows", explanation: "several responses of one prompt",
        named: [["prompt", "responses", "pairs or scores"]], recognises: { $0.sees("responses") },
        read: { row throws(PreferenceError) in
            let list = try row.array("responses", of: "strings")
            var responses: [Passage] = []
            for (number, value) in list.enumerated() {
                responses.append(try row.passage(value, item: "responses[\(number)]"))
            }
            let prompt = try row.passage(row.mapping.promptColumn, remedy: "name its column with prompt_column")
            let verdict = try row.ranking(of: responses.count)
            return RowParts(
                prompt: prompt, responses: responses, verdict, rewards: .column,
                obstacle: verdict == .ranking([]) ? .noPairs : nil)
        })

    /// Lists of `[winner, loser]`: the contract's name, and the one that says so at length.
    fileprivate static let pairColumns = ["pairs", "preference_pairs_winner_loser"]
}

extension RowColumns {
    /// As listed, else every two responses with different scores.
    fileprivate mutating func ranking(of responses: Int) throws(PreferenceError) -> Verdict {
        if let column = RowFormat.pairColumns.first(where: { has($0) }) {
            var pairs: [Preference] = []
            for (number, value) in try array(column, of: "[winner, loser] indices").enumerated() {
                guard let two = value.array, two.count == 2, let winner = two[0].integer, let loser = two[1].integer,
                    winner != loser, 0..<responses ~= winner, 0..<responses ~= loser
                else {
                    throw .invalidPair(place, column: column, number: number, found: value.text, responses: responses)
                }
                pairs.append(Preference(chosen: winner, rejected: loser))
            }
            return .ranking(pairs)
        }
        if (RowFormat.pairColumns + [RowMapping.scores]).contains(where: { self[$0]?.isNull ?? false }) {
            return .ranking([])
        }
        guard let column = value(of: RowMapping.scores), column.array != nil else {
            throw missing("pairs", remedy: "give a list of [winner, loser] indices, or scores as a list of numbers")
        }
        used.insert(RowMapping.scores)
        var ranks: [Double?] = []
        for (number, value) in try list(RowMapping.scores, column, count: responses).enumerated() {
            ranks.append(try rank("\(RowMapping.scores)[\(number)]", value))
        }
        return .ranked(by: ranks)
    }
}
