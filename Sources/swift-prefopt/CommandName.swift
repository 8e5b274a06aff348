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
}
