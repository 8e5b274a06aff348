/// A line that is meant for the program, not for the model.
package enum ChatCommand: Equatable {
    /// nil: show it.
    case system(String?)
    case reset
    case save(String)
    case help
    case quit
    case unknown(String)

    /// - Returns: nil for a line that is said to the model.
    package init?(_ line: String) {
        guard line.hasPrefix("/"), !line.hasPrefix("//") else { return nil }
        let word = String(line.prefix { !$0.isWhitespace })
        var rest = line.dropFirst(word.count).drop { $0.isWhitespace }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        switch (word, rest.isEmpty) {
        case ("/system", _): self = .system(rest.isEmpty ? nil : String(rest))
        case ("/reset", true): self = .reset
        case ("/save", false): self = .save(String(rest))
        case ("/help", true), ("/?", true): self = .help
        case ("/quit", true), ("/exit", true), ("/bye", true): self = .quit
        default: self = .unknown(line)
        }
    }

    /// The text of a line to the model: a second slash in front stands for one.
    package static func said(_ line: String) -> String { line.hasPrefix("//") ? String(line.dropFirst()) : line }

    static let explanation = """
        /system TEXT  what the model is told first, from now on; without a text: what it is told
        /reset        forget what was said; the system text stays
        /save FILE    write the conversation as a row that training reads
        /quit         leave; so does ^D
        /help         this
        ^C stops an answer. A text that begins with / is typed with //. Several lines: \"\"\" before and after them.
        """
}
