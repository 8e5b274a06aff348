import Objectives

/// A key of the run file, declared in one place. Reading, refusals, the resolved run, `swift-prefopt keys`, the generated
/// documents and the identity that a resumed run checks all follow from its declaration.
package struct Key<Value: Sendable & Equatable>: Sendable {
    package let name: String
    let kind: ValueKind<Value>
    package let meaning: String
    let initial: Initial<Value>
    let nullMeans: NullMeaning<Value>
    package let blank: String?
    package let rivals: [String]
    package let readers: Readers
    package let isIdentity: Bool
    package let rule: Rule?
    package let synonyms: [Synonym]

    /// - Parameters:
    ///   - name: as the run file has it.
    ///   - kind: the values it may have.
    ///   - meaning: a sentence or two, for the documents.
    ///   - initial: its value when the run file leaves it out, and why.
    ///   - nullMeans: what `key: null` is.
    ///   - blank: a value that counts as not given, as other trainers write it.
    ///   - rivals: keys that say the same in another way. Without any of them the one that declares its rivals holds.
    ///   - readers: the objectives that read it.
    ///   - isIdentity: whether a run that goes on from a checkpoint must have the checkpoint's value.
    ///   - rule: what its value needs of other keys.
    ///   - synonyms: names that other trainers have for it.
    init(
        _ name: String, _ kind: ValueKind<Value>, _ meaning: String, default initial: Initial<Value>,
        null nullMeans: NullMeaning<Value> = .absent, blank: String? = nil, rivals: [String] = [],
        readBy readers: Readers = .every,
        identity isIdentity: Bool = false, rule: Rule? = nil, synonyms: [Synonym] = []
    ) {
        self.name = name
        self.kind = kind
        self.meaning = meaning
        self.initial = initial
        self.nullMeans = nullMeans
        self.blank = blank
        self.rivals = rivals
        self.readers = readers
        self.isIdentity = isIdentity
        self.rule = rule
        self.synonyms = synonyms
    }

    /// A key that may be left empty.
    init<Wrapped>(
        _ name: String, optional kind: ValueKind<Wrapped>, _ meaning: String, default initial: Initial<Value>,
        blank: String? = nil, readBy readers: Readers = .every, identity isIdentity: Bool = false, rule: Rule? = nil,
        synonyms: [Synonym] = []
    ) where Value == Wrapped? {
        self.init(
            name, kind.optional, meaning, default: initial, blank: blank, readBy: readers, identity: isIdentity,
            rule: rule,
            synonyms: synonyms)
    }
}

/// The value of a key that a run file leaves out.
struct Initial<Value: Sendable>: Sendable {
    enum Source: Sendable {
        case value(Value)
        /// Of the keys declared before this one, or of the machine when the run begins; `words` for the documents.
        case derived(words: String, @Sendable (RunValues) -> Value)
        /// There is none; the remedy says what to write.
        case required(remedy: String, placeholder: Value)
    }

    let source: Source
    /// Why this value. Empty where nothing needs to be said.
    let reason: String

    static func value(_ value: Value, _ reason: String = "") -> Initial {
        Initial(source: .value(value), reason: reason)
    }

    static func derived(
        _ words: String, _ reason: String = "", _ value: @escaping @Sendable (RunValues) -> Value
    ) -> Initial {
        Initial(source: .derived(words: words, value), reason: reason)
    }

    static func required(_ remedy: String, placeholder: Value) -> Initial {
        Initial(source: .required(remedy: remedy, placeholder: placeholder), reason: "")
    }
}

extension Initial where Value: ExpressibleByNilLiteral {
    /// None; `words` say what holds instead.
    static func none(_ words: String, _ reason: String = "") -> Initial {
        Initial(source: .derived(words: words) { _ in nil }, reason: reason)
    }
}

/// The meaning of `key: null`: as if the key weren't there, or a value of its own.
enum NullMeaning<Value: Sendable>: Sendable {
    case absent
    case value(Value)
}

/// The losses that read a key.
package struct Readers: Sendable {
    /// Nil: all of them, and runs without any.
    let includes: (@Sendable (Loss) -> Bool)?

    static let every = Readers(includes: nil)

    static func losses(_ includes: @escaping @Sendable (Loss) -> Bool) -> Readers { Readers(includes: includes) }

    /// Who they are; nil if all read it.
    package var words: String? {
        guard let names else { return nil }
        let others = Loss.all.map(\.name).filter { !names.contains($0) }
        return names.count > others.count
            ? "all losses but \(YAMLText.alternatives(others, by: "and"))" : YAMLText.alternatives(names, by: "and")
    }

    /// Their names, in the order of the list of losses; nil if all read it.
    package var names: [String]? { includes.map { Loss.all.filter($0).map(\.name) } }
}

/// A condition on a key's value and other keys, checked when all have been read.
package struct Rule: Sendable {
    /// Why a value is refused.
    package enum Objection: Sendable {
        /// The run doesn't read the key: it is refused when given, and left out of the resolved run.
        case unused(because: String)
        /// The value doesn't go together with others.
        case expected(String)
        /// Entries within the value are wrong.
        case within([RunFileFault])
    }

    /// Other keys that the rule looks at. It isn't asked when one of them couldn't be read.
    package let keys: [String]
    let objection: @Sendable (RunValues) -> Objection?

    init(with keys: String..., objection: @escaping @Sendable (RunValues) -> Objection?) {
        self.keys = keys
        self.objection = objection
    }
}
