import Storage

/// Margin rewards: the numbers that a row gives its responses, by name.
extension RowParser {
    /// A number for each of a row's responses, in the row's order. Null: the row doesn't say.
    typealias NamedScores = [(name: String, values: [JSON])]

    /// Of a row with `chosen` and `rejected`. A reward's name is looked up in the objects `scores_chosen` and
    /// `scores_rejected`, then as two columns: `name_chosen` and `name_rejected`, or `chosen_name` and `rejected_name`.
    mutating func pairScores() throws(PreferenceError) -> [[Float]] {
        let sides = [("chosen", RowMapping.chosenScores), ("rejected", RowMapping.rejectedScores)]
        var scores: [[Float]] = []
        for (side, column) in sides.prefix(rule.needsRejected ? 2 : 1) {
            var values: [Float] = []
            for name in rule.scoreNames {
                let flat = ["\(name)_\(side)", "\(side)_\(name)"].first { has($0) }
                if let flat, !has(column), let value = takeValue(flat) {
                    values.append(try number("\"\(flat)\"", value))
                } else {
                    values.append(try number("\(column).\(name)", try score(column, name)))
                }
            }
            scores.append(values)
        }
        return scores
    }

    /// Of a ranked row: its `scores`, an object of name to numbers.
    mutating func rankedScores(of responses: Int) throws(PreferenceError) -> [[Float]] {
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

    /// Of a data set's own columns.
    func scores(_ given: NamedScores, of responses: Int) throws(PreferenceError) -> [[Float]] {
        var scores = [[Float]](repeating: [], count: responses)
        for name in rule.scoreNames {
            guard let values = given.first(where: { $0.name == name })?.values, values.count == responses,
                !values.contains(where: \.isNull)
            else {
                let complete = given.filter { !$0.values.contains(where: \.isNull) }
                throw .missingReward(place, name: name, present: complete.map(\.name))
            }
            for (response, value) in values.enumerated() {
                scores[response].append(try number("\(name) of response \(response)", value))
            }
        }
        return scores
    }

    private mutating func score(_ column: String, _ name: String) throws(PreferenceError) -> JSON {
        guard let value = takeValue(column) else {
            throw missing(column, remedy: "the run's margins need it: an object of name to number")
        }
        guard let object = value.object else { throw wrongType("\"\(column)\"", value, "an object of name to number") }
        guard let score = object[name], !score.isNull else {
            throw .missingScore(place, column: column, name: name, present: object.names)
        }
        return score
    }
}
