import Objectives

/// Typed access to a run's entries. Every refusal names the key, its place, what stands there and what was expected.
struct RunFileReader {
    let file: String
    /// Entries by key, those that are null left out: `key: null` is a key that wasn't given.
    private let entries: [String: RunFileEntry]
    /// In the order of the file.
    let given: [RunFileEntry]
    private let nulls: Set<String>

    init(_ entries: [RunFileEntry], file: String) {
        self.file = file
        given = entries.filter { !$0.value.isNull }
        nulls = Set(entries.filter(\.value.isNull).map(\.key))
        self.entries = Dictionary(given.map { ($0.key, $0) }) { $1 }
    }

    subscript(key: String) -> RunFileEntry? { entries[key] }

    /// Whether the key was written with the value null.
    func isNull(_ key: String) -> Bool { nulls.contains(key) }

    // MARK: Kinds of values

    package func text(_ key: String) throws(RunFileError) -> String? {
        guard let entry = entries[key] else { return nil }
        guard let text = entry.value.text, !text.isEmpty else { throw Self.wrong(entry, "some text") }
        return text
    }

    func flag(_ key: String, default value: Bool) throws(RunFileError) -> Bool { try flag(key) ?? value }

    func flag(_ key: String) throws(RunFileError) -> Bool? {
        guard let entry = entries[key] else { return nil }
        guard let flag = entry.value.bool else { throw Self.wrong(entry, "true or false") }
        return flag
    }

    /// The upper limit keeps products of such numbers (pairs × accumulation × ranks) within 64 bits.
    func integer(_ key: String, atLeast least: Int, atMost most: Int = Int(Int32.max)) throws(RunFileError) -> Int? {
        guard let entry = entries[key] else { return nil }
        guard let integer = entry.value.integer, integer >= least else {
            throw Self.wrong(entry, "a whole number, \(least) or more")
        }
        guard integer <= most else { throw Self.wrong(entry, "a whole number from \(least) to \(most)") }
        return integer
    }

    func number(_ key: String, _ range: NumberRange) throws(RunFileError) -> Double? {
        guard let entry = entries[key] else { return nil }
        return try Self.number(entry, range)
    }

    static func number(_ entry: RunFileEntry, _ range: NumberRange) throws(RunFileError) -> Double {
        guard let number = entry.value.number, range.contains(number) else { throw wrong(entry, range.words) }
        return number
    }

    /// One of an enumeration's raw values.
    func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, default value: Choice
    ) throws(RunFileError) -> Choice where Choice.RawValue == String {
        guard let entry = entries[key] else { return value }
        guard let word = entry.value.text, let choice = Choice(rawValue: word) else {
            throw Self.wrong(entry, Self.alternatives(Choice.allCases.map(\.rawValue)))
        }
        return choice
    }

    static func wrong(_ entry: RunFileEntry, _ expected: String) -> RunFileError {
        .wrongValue(entry.place, key: entry.key, found: entry.value.found, expected: expected)
    }

    static func alternatives(_ words: [String]) -> String {
        words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
    }
}
