import RunFiles
import Storage

/// The first word of a command line, where `train` may be left out and its run file come first.
enum CommandName {
    /// A word that is neither a command nor a file looks like a command that is misspelt.
    ///
    /// - Parameter known: the commands there are.
    /// - Returns: what to say about it; nil for a command line that may be right.
    static func complaint(about arguments: [String], known: [String]) -> String? {
        guard let word = arguments.first, !word.hasPrefix("-"), word != "help", !known.contains(word) else {
            return nil
        }
        // A run file has a name with an ending or a folder.
        guard !word.contains("."), !word.contains("/"), !FileSystem.exists(word) else { return nil }
        let guess = Spelling.nearest(to: word, in: known).map { "; did you mean \($0)?" }
        return "\(word): neither a command nor a run file"
            + (guess ?? "; the commands are \(known.joined(separator: ", "))")
    }

    /// A key of run files that was typed as an option, as other trainers take them: `--learning_rate 1e-5`.
    ///
    /// - Parameter message: the argument parser's, with the usage of the command.
    /// - Returns: what to say instead; nil for another mistake.
    static func keyAsOption(in message: String) -> String? {
        let start = "Unknown option '--"
        guard message.contains("--set"), let found = message.firstRange(of: start) else { return nil }
        let option = String(message[found.upperBound...].prefix { $0 != "'" })
        let key = String(option.prefix { $0 != "=" }.map { $0 == "-" ? "_" : $0 })
        let example = KeyTable.byName[key] != nil ? key : "learning_rate"
        guard example == key || key.contains("_") else { return nil }
        let fact = example == key ? "is a key of the run file" : "is no option, and a run's settings are keys of its run file"
        return "--\(option) \(fact): write it there (\(example): VALUE) or type --set \(example)=VALUE; "
            + "swift-prefopt keys lists them, and import-config reads other trainers' command lines"
    }
}
