import Objectives

/// The values of all keys of a run, each with the type of its declaration: `values.optimizer.learningRate`.
@dynamicMemberLookup
package struct RunValues: Sendable {
    package init() {}

    private var byName: [String: any Sendable] = [:]
    /// The entries as they were given, by key. Defaults aren't among them.
    var given: [String: YAMLEntry] = [:]

    package subscript<Section: KeySection>(dynamicMember path: KeyPath<KeyTable, Section>) -> Settings<Section> {
        get { Settings(values: self, section: KeyTable.shared[keyPath: path]) }
        set { self = newValue.values }
    }

    /// Every key has a value as soon as a run has been read.
    subscript<Value>(key: Key<Value>) -> Value {
        get {
            guard let value = byName[key.name] as? Value else {
                preconditionFailure("the key \(key.name) is read before it has a value")
            }
            return value
        }
        set { byName[key.name] = newValue }
    }

    /// Whether the run file or the command line gives a key.
    package func isGiven(_ key: String) -> Bool { given[key] != nil }

    /// Whether the run's losses read a key.
    func isRead(_ readers: Readers) -> Bool {
        readers.includes.map { losses.contains(where: $0) } ?? true
    }
}

/// The values of one section's keys.
@dynamicMemberLookup
package struct Settings<Section: KeySection>: Sendable {
    package var values: RunValues
    let section: Section

    package subscript<Value>(dynamicMember path: KeyPath<Section, Key<Value>>) -> Value {
        get { values[section[keyPath: path]] }
        set { values[section[keyPath: path]] = newValue }
    }
}

extension RunFile {
    package typealias Adapters = Settings<AdapterKeys>
    package typealias Optimizer = Settings<OptimizerKeys>
}
