/// The place of a key of a run.
package enum Place: Sendable, Equatable, CustomStringConvertible {
    case line(file: String, Int)
    /// On the command line, with its text.
    case override(String)
    /// As the argument of a command.
    case argument

    package var description: String {
        switch self {
        case .line(let file, let line): "\(file):\(line)"
        case .override(let text): "--set \(text)"
        case .argument: "swift-prefopt keys"
        }
    }

    /// Whether both are lines of one file.
    func isInFile(of other: Place) -> Bool {
        guard case .line(let file, _) = self, case .line(file, _) = other else { return false }
        return true
    }
}

/// Everything that is wrong with a run file and its `--set` options, one line each.
package struct RunFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// At least one; in the order of the file, then of the command line.
    package let faults: [RunFileFault]

    init(_ fault: RunFileFault) { faults = [fault] }

    init(_ faults: [RunFileFault]) { self.faults = faults }

    package var description: String { faults.map(\.description).joined(separator: "\n") }
}

/// One thing that is wrong with a run file or a `--set`. Each text says where, what was found, what was expected and what to
/// do.
package enum RunFileFault: Sendable, Equatable, CustomStringConvertible {
    case notYAML(Place, problem: String)
    case tooLarge(file: String, what: String, limit: Int)
    case notAMapping(Place, found: String)
    case malformedOverride(String)
    case duplicateKey(Place, key: String, firstLine: Int)
    case unknownKey(Place, key: String, nearest: String?)
    /// A key of another trainer; `remedy` says whose, and what it becomes here or why it needs no counterpart.
    case foreignKey(Place, key: String, remedy: String)
    /// A value of another trainer.
    case foreignValue(Place, key: String, value: String, remedy: String)
    case wrongValue(Place, key: String, found: String, expected: String)
    case missing(file: String, key: String, remedy: String)
    case contradiction(Place, key: String, otherPlace: Place, otherKey: String)
    case unused(Place, key: String, because: String)
    case unreadableBase(Place, path: String, reason: String)
    case circle(Place, path: String)
    /// A file or a folder that a key names, and what the disk says against it.
    case unusablePath(file: String, key: String, reason: String)

    package var description: String {
        switch self {
        case .notYAML(let place, let problem):
            "\(place): not YAML: \(problem)"
        case .tooLarge(let file, let what, let limit):
            "\(file): \(what); the limit of a run file is \(limit): a run file is some fifty short lines"
        case .notAMapping(let place, let found):
            "\(place): the run file is \(found); expected lines of the form key: value"
        case .malformedOverride(let text):
            "--set \(text): expected key=value, for instance --set learning_rate=1e-6"
        case .duplicateKey(let place, let key, let firstLine):
            "\(place): \(key) is given a second time, first in line \(firstLine); remove one"
        case .unknownKey(let place, let key, let nearest):
            "\(place): there is no key \(key)"
                + (nearest.map { "; did you mean \($0)?" } ?? "; swift-prefopt keys lists those that there are")
        case .foreignKey(let place, let key, let remedy):
            "\(place): \(key) \(remedy)"
        case .foreignValue(let place, let key, let value, let remedy):
            "\(place): \(key) is \(value), which isn't one of its values here; \(remedy)"
        case .wrongValue(let place, let key, let found, let expected):
            "\(place): \(key) is \(found); expected \(expected)"
        case .missing(let file, let key, let remedy):
            "\(file): \(key) is missing; \(remedy)"
        case .contradiction(let place, let key, let otherPlace, let otherKey):
            "\(place): \(key) contradicts \(otherKey) (\(otherPlace)); give one of them"
        case .unused(let place, let key, let because):
            "\(place): \(key) is not used: \(because); remove it"
        case .unreadableBase(let place, let path, let reason):
            "\(place): extends: \(path) can't be read: \(reason); a path is relative to the folder of the file that names it"
        case .circle(let place, let path):
            "\(place): extends: \(path) leads back to a file that is being read; remove one of the extends in the circle"
        case .unusablePath(let file, let key, let reason):
            "\(file): \(key): \(reason)"
        }
    }

    /// The key that it is about, if it is one key's.
    var key: String? {
        switch self {
        case .duplicateKey(_, let key, _), .unknownKey(_, let key, _), .foreignKey(_, let key, _),
            .foreignValue(_, let key, _, _), .wrongValue(_, let key, _, _), .missing(_, let key, _),
            .contradiction(_, let key, _, _), .unused(_, let key, _), .unusablePath(_, let key, _):
            key
        case .notYAML, .tooLarge, .notAMapping, .malformedOverride, .unreadableBase, .circle: nil
        }
    }

    /// Whether it stays a fault whatever other keys say.
    var isOfItsOwn: Bool {
        switch self {
        case .unknownKey, .foreignKey, .foreignValue, .wrongValue, .unreadableBase: true
        default: false
        }
    }

    /// The place to sort by; nil for what is missing, which comes last.
    var place: Place? {
        switch self {
        case .notYAML(let place, _), .notAMapping(let place, _), .duplicateKey(let place, _, _),
            .unknownKey(let place, _, _), .foreignKey(let place, _, _), .foreignValue(let place, _, _, _),
            .wrongValue(let place, _, _, _),
            .contradiction(let place, _, _, _), .unused(let place, _, _), .unreadableBase(let place, _, _),
            .circle(let place, _):
            place
        case .malformedOverride(let text): .override(text)
        case .tooLarge, .missing, .unusablePath: nil
        }
    }
}
