/// Where a key of a run stands.
package enum RunFilePlace: Sendable, Equatable, CustomStringConvertible {
    case line(file: String, Int)
    /// On the command line, with its text.
    case override(String)

    package var description: String {
        switch self {
        case .line(let file, let line): "\(file):\(line)"
        case .override(let text): "--set \(text)"
        }
    }
}

/// What is wrong with a run file or a `--set`. Each text says where, what was found, what was expected and what to do.
package enum RunFileError: Error, Sendable, Equatable, CustomStringConvertible {
    case notYAML(RunFilePlace, problem: String)
    case tooLarge(file: String, what: String, limit: Int)
    case notAMapping(RunFilePlace, found: String)
    case malformedOverride(String)
    case duplicateKey(RunFilePlace, key: String, firstLine: Int)
    case unknownKey(RunFilePlace, key: String, nearest: String?)
    case wrongValue(RunFilePlace, key: String, found: String, expected: String)
    case missing(file: String, key: String, remedy: String)
    case contradiction(RunFilePlace, key: String, otherPlace: RunFilePlace, otherKey: String)
    case unused(RunFilePlace, key: String, because: String)
    case unavailable(RunFilePlace, key: String, value: String, remedy: String)

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
                + (nearest.map { "; did you mean \($0)?" } ?? "; the README lists the keys of a run file")
        case .wrongValue(let place, let key, let found, let expected):
            "\(place): \(key) is \(found); expected \(expected)"
        case .missing(let file, let key, let remedy):
            "\(file): \(key) is missing; \(remedy)"
        case .contradiction(let place, let key, let otherPlace, let otherKey):
            "\(place): \(key) contradicts \(otherKey) (\(otherPlace)); give one of them"
        case .unused(let place, let key, let because):
            "\(place): \(key) is not used: \(because); remove it"
        case .unavailable(let place, let key, let value, let remedy):
            "\(place): \(key): \(value) is not available in this version; \(remedy)"
        }
    }
}
