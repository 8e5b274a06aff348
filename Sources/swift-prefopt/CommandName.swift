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
        let nearest = known.map { (name: $0, distance: distance(from: word, to: $0)) }.min { $0.distance < $1.distance }
        let guess = nearest.flatMap { $0.distance <= max(1, word.count / 3) ? "; did you mean \($0.name)?" : nil }
        return "\(word): neither a command nor a run file"
            + (guess ?? "; the commands are \(known.joined(separator: ", "))")
    }

    /// Letters to add, to leave out, to change or to swap with their neighbour.
    static func distance(from a: String, to b: String) -> Int {
        let (a, b) = (Array(a), Array(b))
        var rows = [Array(0...b.count)]
        for i in 1...max(1, a.count) where !a.isEmpty {
            var row = [i]
            for j in 1...max(1, b.count) where !b.isEmpty {
                var best = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, rows[i - 2][j - 2] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
