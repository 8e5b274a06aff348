import Storage

/// Why a tokenizer can't be loaded, or can't encode a text. Each case names the file, and the key inside it where there is one.
package enum TokenizerError: Error, Sendable, CustomStringConvertible {
    case unreadable(StorageError)
    case notJSON(file: String, JSONError)
    case missing(file: String, key: String)
    /// A value of the wrong kind; `expected` and `found` are words such as "a list".
    case wrongKind(file: String, key: String, expected: String, found: String)
    /// A component, option or pattern that exists elsewhere and isn't implemented here.
    case unsupported(file: String, key: String, component: String, supported: String)
    /// A value of the right kind that contradicts the rest of the file.
    case inconsistent(file: String, key: String, reason: String)
    /// A text of so many bytes on which a pattern of the tokenizer takes more than linear time.
    case endlessSearch(pattern: String, reason: String, bytes: Int)

    package var description: String {
        switch self {
        case .unreadable(let error): error.description
        case .notJSON(let file, let error): "\(file): \(error); fetch the file again"
        case .missing(let file, let key): "\(file): \"\(key)\" is missing; is this a Hugging Face tokenizer file?"
        case .wrongKind(let file, let key, let expected, let found):
            "\(file): \"\(key)\" must be \(expected), not \(found)"
        case .unsupported(let file, let key, let component, let supported):
            "\(file): \"\(key)\": \(component) isn't supported; supported are \(supported)"
        case .endlessSearch(let pattern, let reason, let bytes):
            "the tokenizer's pattern \(pattern) goes back too often on a text of \(bytes) bytes (\(reason)); shorten or "
                + "leave out such texts, or use a tokenizer whose pattern splits them in linear time"
        case .inconsistent(let file, let key, let reason): "\(file): \"\(key)\" \(reason)"
        }
    }
}
