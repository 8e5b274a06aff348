import Storage

/// Margin rewards: the numbers that a row gives its responses, by name.
extension RowColumns {
    /// For each response one value per name of `EncodingRule.scoreNames`.
    /// - Returns: also whether the row holds a null where a number is needed; the values are then of no use.
    mutating func scores(_ parts: RowParts) throws(PreferenceError) -> (values: [[Float]], lacksScore: Bool) {
        let count =
            switch parts.body {
            case .passages(_, let responses): responses.count
            case .ids(_, let responses): responses.count
            case .document: 1
            }
        var values = [[Float]](repeating: [], count: count)
        for name in rule.scoreNames {
            let named = try scores(named: name, parts.rewards, count: count)
            for (response, (item, value)) in named.enumerated() {
                if value.isNull { return (Array(repeating: rule.scoreNames.map { _ in 0 }, count: count), true) }
                values[response].append(try float(item, value))
            }
        }
        return (values, false)
    }

    /// The values that a row gives each response under one name, and their place.
    private mutating func scores(
        named name: String, _ rewards: MarginRewards, count: Int
    ) throws(PreferenceError) -> [(item: String, value: JSON)] {
        if rule.readsMargin, name == RowMapping.margin {
            // The pair's, so it is the first response's; none is none.
            let margin = takeValue(name)
            return (0..<count).map { ("\"\(name)\"", $0 == 0 ? margin ?? 0 : 0) }
        }
        switch rewards {
        case .sides:
            let sides = [("chosen", RowMapping.chosenScores), ("rejected", RowMapping.rejectedScores)]
            var values: [(String, JSON)] = []
            for (side, column) in sides.prefix(count) { values.append(try score(named: name, side, column)) }
            return values
        case .column:
            let item = "\(RowMapping.scores).\(name)"
            let value = try score(RowMapping.scores, name)
            if value.isNull { return (0..<count).map { _ in (item, .null) } }
            return try list(item, value, count: count).enumerated().map { ("\(item)[\($0.offset)]", $0.element) }
        case .given(let given):
            guard let values = given.first(where: { $0.name == name })?.values, values.count == count else {
                throw .missingReward(place, name: name, present: given.map(\.name))
            }
            return values.enumerated().map { ("\(name) of response \($0.offset)", $0.element) }
        }
    }

    /// The reward of `chosen` or `rejected`: in the column's object, else in a column of its own, as UltraFeedback's
    /// `score_chosen`, Argilla's `chosen-rating` or distilabel's `chosen_avg_rating`.
    private mutating func score(
        named name: String, _ side: String, _ column: String
    ) throws(PreferenceError) -> (item: String, value: JSON) {
        let flat = ["\(name)_\(side)", "\(side)_\(name)", "\(side)-\(name)"].first { self[$0] != nil }
        if let flat, !has(column) { return ("\"\(flat)\"", takeValue(flat) ?? .null) }
        return ("\(column).\(name)", try score(column, name))
    }

    private mutating func score(_ column: String, _ name: String) throws(PreferenceError) -> JSON {
        guard self[column] != nil else {
            throw missing(column, remedy: "the run's margins need it: an object of name to number")
        }
        guard let value = takeValue(column) else { return .null }
        guard let object = value.object else { throw wrongType("\"\(column)\"", value, "an object of name to number") }
        guard let score = object[name] else {
            throw .missingScore(place, column: column, name: name, present: object.names)
        }
        return score
    }

    /// A list with an element for each response.
    func list(_ item: String, _ value: JSON, count: Int) throws(PreferenceError) -> [JSON] {
        guard let list = value.array else { throw wrongType(item, value, "a list of \(count) numbers") }
        guard list.count == count else {
            throw .wrongCount(place, item: item, found: list.count, responses: count)
        }
        return list
    }
}
