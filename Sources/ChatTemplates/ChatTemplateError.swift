import Storage

/// Why a conversation can't be turned into text.
package enum ChatTemplateError: Error, Sendable, CustomStringConvertible {
    case unreadable(StorageError)
    case notJSON(file: String, JSONError)
    /// A value of the wrong kind; `expected` and `found` are words such as "a list".
    case wrongKind(file: String, key: String, expected: String, found: String)
    /// The model comes without a chat template.
    case missing(directory: String)
    /// Several named templates, and none for this use.
    case noDefault(names: [String])
    /// The template itself is wrong, or uses what isn't supported.
    case syntax(line: Int, reason: String)
    /// The template refused the conversation by `raise_exception`; its message.
    case raised(String)
    /// The template went wrong on this conversation, or does more than a template may.
    case rendering(line: Int, reason: String)
    /// The messages are not what a chat template takes.
    case conversation(String)

    package var description: String {
        switch self {
        case .unreadable(let error): error.description
        case .notJSON(let file, let error): "\(file): \(error); fetch the file again"
        case .wrongKind(let file, let key, let expected, let found):
            "\(file): \"\(key)\" must be \(expected), not \(found)"
        case .missing(let directory):
            "\(directory): the model has no chat template; expected \"chat_template\" in tokenizer_config.json or a file "
                + "chat_template.jinja"
        case .noDefault(let names):
            "the model has several chat templates and none named \"default\": \(names.joined(separator: ", "))"
        case .syntax(let line, let reason): "chat template, line \(line): \(reason)"
        case .raised(let message): message
        case .rendering(let line, let reason): "chat template, line \(line): \(reason)"
        case .conversation(let reason): reason
        }
    }
}
