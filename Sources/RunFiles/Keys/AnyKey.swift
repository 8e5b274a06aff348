import Storage

/// A key whatever its values are: what the table does with each.
package protocol AnyKey: Sendable {
    var name: String { get }
    var meaning: String { get }
    /// The values it may have, in words and as a JSON Schema.
    var words: String { get }
    var schema: JSON { get }
    /// Its default in words, and as a value if there is one; why.
    var standard: (words: String, value: YAMLValue?) { get }
    var reason: String { get }
    /// A value that counts as not given.
    var blank: String? { get }
    var rivals: [String] { get }
    var readers: Readers { get }
    var isIdentity: Bool { get }
    var rule: Rule? { get }
    var synonyms: [Synonym] { get }

    /// Puts the value of an entry into a run.
    func read(_ entry: YAMLEntry, into run: inout RunValues) throws(RunFileError)
    /// Puts the value of an absent key into a run.
    /// - Parameter isNull: whether it stands there as `key: null`.
    func fill(_ run: inout RunValues, isNull: Bool)
    /// The advice on what to write when a run can't do without the key and it isn't given.
    var remedyIfMissing: String? { get }
    /// The run's value as YAML.
    func written(in run: RunValues) -> YAMLValue
}

extension Key: AnyKey {
    package var words: String { kind.words }
    package var schema: JSON { kind.schema }
    package var reason: String { initial.reason }

    package var standard: (words: String, value: YAMLValue?) {
        switch initial.source {
        case .value(let value):
            let yaml = kind.write(value)
            return (yaml.isNull ? "none" : YAMLText.inline(yaml), yaml)
        case .derived(let words, _): return (words, nil)
        case .required: return ("none: it must be given", nil)
        }
    }

    package func read(_ entry: YAMLEntry, into run: inout RunValues) throws(RunFileError) {
        run[self] = try kind.read(entry)
    }

    package func fill(_ run: inout RunValues, isNull: Bool) {
        if isNull, case .value(let value) = nullMeans {
            run[self] = value
            return
        }
        switch initial.source {
        case .value(let value), .required(_, let value): run[self] = value
        case .derived(_, let value): run[self] = value(run)
        }
    }

    package var remedyIfMissing: String? {
        if case .required(let remedy, _) = initial.source { remedy } else { nil }
    }

    package func written(in run: RunValues) -> YAMLValue { kind.write(run[self]) }
}
