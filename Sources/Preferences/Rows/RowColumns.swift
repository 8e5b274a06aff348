import Storage

/// Typed access to the columns of a row. Every refusal names the column, its place, what stands there and what was
/// expected.
extension RowParser {
    func has(_ column: String) -> Bool { row[column].map { !$0.isNull } ?? false }

    var unusedColumns: [String] { row.names.filter { has($0) && !used.contains($0) } }

    mutating func take(_ column: String) -> JSON? {
        used.insert(column)
        return has(column) ? row[column] : nil
    }

    /// A column that isn't text: in a file of texts it is read out of the cell.
    func value(of column: String) -> JSON? {
        guard has(column), let value = row[column] else { return nil }
        guard isText else { return value }
        return read(value)
    }

    /// A cell's number, list or object, if it is one; lists of cells likewise.
    func read(_ value: JSON) -> JSON {
        switch value {
        case .string(let text): (try? JSON.parse(text)) ?? value
        case .array(let cells): .array(cells.map(read))
        default: value
        }
    }

    mutating func takeValue(_ column: String) -> JSON? {
        used.insert(column)
        return value(of: column)
    }

    // MARK: - Texts

    mutating func chosen() throws(PreferenceError) -> String {
        try text(mapping.chosenColumn, remedy: "name its column with chosen_column")
    }

    mutating func rejected() throws(PreferenceError) -> String {
        try text(mapping.rejectedColumn, remedy: "name its column with rejected_column")
    }

    package mutating func text(_ column: String, remedy: String) throws(PreferenceError) -> String {
        guard let value = take(column) else { throw missing(column, remedy: remedy) }
        guard let text = value.string else {
            throw wrongType("\"\(column)\"", value, "a string")
        }
        return text
    }

    /// A column that may be missing.
    mutating func optionalText(_ column: String) throws(PreferenceError) -> String? {
        has(column) ? try text(column, remedy: "") : nil
    }

    // MARK: - Lists

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

    mutating func array(_ column: String, of elements: String) throws(PreferenceError) -> [JSON] {
        guard let value = takeValue(column) else {
            throw missing(column, remedy: "expected a list of \(elements)")
        }
        guard let array = value.array else { throw wrongType("\"\(column)\"", value, "a list of \(elements)") }
        return array
    }

    func numbers(_ item: String, _ value: JSON, count: Int) throws(PreferenceError) -> [Double] {
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

    // MARK: - Numbers

    func number(_ item: String, _ value: JSON) throws(PreferenceError) -> Float {
        guard let number = value.double else { throw wrongType(item, value, "a number") }
        return try float(item, number)
    }

    func float(_ item: String, _ value: Double) throws(PreferenceError) -> Float {
        guard Float(value).isFinite else {
            throw .wrongType(place, item: item, found: "\(value)", expected: "a number that fits 32-bit floating point")
        }
        return Float(value)
    }

    /// A column that says which of two: the value's place among `choices`.
    mutating func choice(_ column: String, among choices: [Int]) throws(PreferenceError) -> Int {
        guard let value = takeValue(column) else {
            throw missing(column, remedy: "expected one of \(choices.map(String.init).joined(separator: ", "))")
        }
        // Some copies of these data sets have booleans.
        let number = value.bool.map { $0 ? 1 : 0 } ?? value.integer
        guard let number, let place = choices.firstIndex(of: number) else {
            throw .wrongType(
                self.place, item: "\"\(column)\"", found: value.text,
                expected: "one of \(choices.map(String.init).joined(separator: ", "))")
        }
        return place
    }

    // MARK: - Refusals

    func missing(_ column: String, remedy: String) -> PreferenceError {
        .missingColumn(place, column: column, present: row.names, remedy: remedy)
    }

    func wrongType(_ item: String, _ value: JSON, _ expected: String) -> PreferenceError {
        .wrongType(place, item: item, found: value.kind, expected: expected)
    }
}
