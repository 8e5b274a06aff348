import Storage
import Tables

/// The columns of one row, with typed access that remembers which were used.
///
/// A column that is null holds nothing, like an empty text: a row that lacks what it needs is then dropped and counted,
/// where a column that isn't there at all ends the run. Every refusal names the column, its place, what stands there and
/// what was expected.
struct RowColumns {
    let place: RowPlace
    let mapping: RowMapping
    let rule: EncodingRule
    /// Whether the model has a chat template.
    let hasTemplate: Bool
    private var members: JSONObject
    /// Columns are strings whatever they mean, as in CSV: numbers and lists are then read out of the text.
    let isText: Bool
    /// Every object of a column has the members of all its objects, null where it had none, as in Parquet.
    let isTyped: Bool
    var used: Set<String> = []
    var notes: RowNotes = []
    /// Whether `sees` counts columns that hold nothing.
    var seesNulls = false

    init(
        _ content: TableRow.Content, place: RowPlace, mapping: RowMapping, rule: EncodingRule, hasTemplate: Bool
    ) throws(PreferenceError) {
        switch content {
        case .columns(let object): (members, isText, isTyped) = (object, false, true)
        case .cells(let object): (members, isText, isTyped) = (object, true, false)
        case .text(let bytes):
            let json: JSON
            do throws(JSONError) { json = try JSON.parse(bytes) } catch {
                throw Self.otherContent(of: bytes, at: place) ?? .notJSON(place, error)
            }
            guard let object = json.object else { throw .notAnObject(place, found: json.kind) }
            (members, isText, isTyped) = (object, false, false)
        }
        self.place = place
        self.mapping = mapping
        self.rule = rule
        self.hasTemplate = hasTemplate
        try readWrittenMessages()
    }

    /// Why a first line can't be JSON, where its beginning says what it is.
    private static func otherContent(of line: [UInt8], at place: RowPlace) -> PreferenceError? {
        guard place.line == 1 else { return nil }
        if line.starts(with: [0xFF, 0xFE]) || line.starts(with: [0xFE, 0xFF]) {
            return .notLines(place, what: "UTF-16", remedy: "convert it: iconv -f UTF-16 -t UTF-8")
        }
        let inside = line.dropFirst().drop { $0 == UInt8(ascii: " ") }
        if line.first == UInt8(ascii: "["), inside.isEmpty || inside.first == UInt8(ascii: "{") {
            return .notLines(place, what: "one JSON list", remedy: "give it a name that ends in .json")
        }
        return nil
    }

    /// Puts messages in the place of texts that are messages written out, and of objects of messages with their tools.
    private mutating func readWrittenMessages() throws(PreferenceError) {
        for (name, value) in members.members {
            var value = value
            if let text = value.string {
                guard let read = WrittenMessages.read(text) else { continue }
                value = read
                notes.insert(.writtenMessages)
            }
            if value.array == nil, let messages = value["messages"], messages.array != nil || messages.object != nil {
                let tools = value["tools"] ?? .null
                if let others = members[RowMapping.tools], !others.isNull, !tools.isNull, others != tools {
                    throw .wrongType(
                        place, item: "\(name).tools", found: "another list of tools than the row's",
                        expected: "one list for the whole row, in the column tools")
                }
                if !tools.isNull { members[RowMapping.tools] = tools }
                value = messages
            }
            members[name] = value
        }
    }

    // MARK: - Presence

    subscript(column: String) -> JSON? { members[column] }

    var names: [String] { members.names }

    /// Whether a column holds something.
    func has(_ column: String) -> Bool { self[column].map { !$0.isNull } ?? false }

    /// Whether a column is there for recognising a format.
    func sees(_ column: String) -> Bool { seesNulls ? self[column] != nil : has(column) }

    /// Whether a column holds nothing but the space a table gives it: null, or an empty text, list or object.
    func isBlank(_ column: String) -> Bool {
        switch self[column] {
        case nil, .null?: true
        case .string(let text)?: text.isEmpty || isText && (text == "[]" || text == "{}")
        case .array(let list)?: list.isEmpty
        case .object(let object)?: object.isEmpty
        default: false
        }
    }

    var unusedColumns: [String] { names.filter { has($0) && !used.contains($0) } }

    /// The row's origin, as a column `source` gives it that the format doesn't read. A long text is no name.
    var source: String? {
        guard !used.contains("source"), let name = self["source"]?.string, 1...64 ~= name.utf8.count else { return nil }
        return name
    }

    // MARK: - Values

    /// A column's value as it stands there; nil where it holds nothing.
    mutating func take(_ column: String) -> JSON? {
        used.insert(column)
        return has(column) ? self[column] : nil
    }

    /// A column that isn't text: where it was written as text, it is read out of that.
    func value(of column: String) -> JSON? {
        guard has(column), let value = self[column] else { return nil }
        return read(value)
    }

    mutating func takeValue(_ column: String) -> JSON? {
        used.insert(column)
        return value(of: column)
    }

    /// A text's number, list or object, if it is one; lists of a text table's cells likewise.
    func read(_ value: JSON) -> JSON {
        switch value {
        case .string(let text): WrittenValue.read(text, onlyLists: !isText) ?? value
        case .array(let cells) where isText: .array(cells.map(read))
        default: value
        }
    }

    // MARK: - Texts

    /// A text; empty where the column holds nothing.
    mutating func text(_ column: String, remedy: String) throws(PreferenceError) -> String {
        guard self[column] != nil else { throw missing(column, remedy: remedy) }
        guard let value = take(column) else { return "" }
        guard let text = value.string else { throw wrongType("\"\(column)\"", value, "a string") }
        return text
    }

    /// A column that may be missing.
    mutating func optionalText(_ column: String) throws(PreferenceError) -> String {
        self[column] == nil ? "" : try text(column, remedy: "")
    }

    // MARK: - Lists

    /// Token ids; none where the column holds nothing.
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

    /// A list; an empty one where the column holds nothing.
    mutating func array(_ column: String, of elements: String) throws(PreferenceError) -> [JSON] {
        guard self[column] != nil else { throw missing(column, remedy: "expected a list of \(elements)") }
        guard let value = takeValue(column) else { return [] }
        guard let array = value.array else { throw wrongType("\"\(column)\"", value, "a list of \(elements)") }
        return array
    }

    // MARK: - Numbers

    func float(_ item: String, _ value: JSON) throws(PreferenceError) -> Float {
        guard let number = value.double else { throw wrongType(item, value, "a number") }
        guard Float(number).isFinite else {
            throw .wrongType(
                place, item: item, found: "\(number)", expected: "a number that fits 32-bit floating point")
        }
        return Float(number)
    }

    /// A number by which responses are ranked; nil for null.
    /// - Parameter value: nil where there is none, which isn't the same as null.
    func rank(_ item: String, _ value: JSON?) throws(PreferenceError) -> Double? {
        guard let value else { throw .wrongType(place, item: item, found: "missing", expected: "a number") }
        if value.isNull { return nil }
        guard let number = value.double, number.isFinite else { throw wrongType(item, value, "a number") }
        return number
    }

    /// A column that says which of two: the value's place among `choices`; nil where it holds nothing.
    mutating func choice(_ column: String, among choices: [Int]) throws(PreferenceError) -> Int? {
        let expected = "one of \(choices.map(String.init).joined(separator: ", "))"
        guard self[column] != nil else { throw missing(column, remedy: "expected \(expected)") }
        guard let value = takeValue(column) else { return nil }
        // Some copies of data sets have booleans.
        let number = value.bool.map { $0 ? 1 : 0 } ?? value.integer
        guard let number, let place = choices.firstIndex(of: number) else {
            throw .wrongType(self.place, item: "\"\(column)\"", found: value.text, expected: expected)
        }
        return place
    }

    // MARK: - Refusals

    func missing(_ column: String, remedy: String) -> PreferenceError {
        .missingColumn(place, column: column, present: names, remedy: remedy)
    }

    func wrongType(_ item: String, _ value: JSON, _ expected: String) -> PreferenceError {
        .wrongType(place, item: item, found: value.kind, expected: expected)
    }
}
