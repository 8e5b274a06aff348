/// The spelling of words that users type: keys and commands.
package enum Spelling {
    /// The known word that an unknown one most likely means: the nearest within a third of its letters, the first of equals.
    package static func nearest(to word: String, in known: [String]) -> String? {
        let limit = max(1, word.count / 3)
        let near = known.map { (word: $0, distance: distance(word, $0)) }.min { $0.distance < $1.distance }
        guard let near, near.distance <= limit else { return nil }
        return near.word
    }

    /// Letters to add, to leave out, to change or to swap with their neighbour, at least (Damerau and Levenshtein; no letter
    /// twice). Capitals count as small letters, and only the first 64 of `a` count.
    package static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.prefix(64).lowercased()), Array(b.lowercased()))
        var rows = [Array(0...b.count)]
        for (i, letter) in a.enumerated() {
            var row = [i + 1]
            for (j, other) in b.enumerated() {
                var least = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (letter == other ? 0 : 1))
                if i > 0, j > 0, letter == b[j - 1], a[i - 1] == other { least = min(least, rows[i - 1][j - 1] + 1) }
                row.append(least)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
