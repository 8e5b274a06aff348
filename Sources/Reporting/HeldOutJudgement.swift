import Storage

/// A line of `held-out-before.jsonl` or `held-out-after.jsonl`, as far as figures need it.
struct HeldOutJudgement {
    let row: Int
    let loss: Double
    let margin: Double?
    /// 1 if it is ranked rightly, else 0; of a list the share of its orders.
    let accuracy: Double?
    /// Scored tokens of the chosen and of the rejected response, of pairs.
    let lengths: (chosen: Int, rejected: Int)?
    /// The longest response's.
    let length: Int
    /// Its file, or what the row says of where it is from.
    let source: String?

    /// None if there is no file.
    static func rows(of path: String) throws(StorageError) -> [HeldOutJudgement] {
        guard FileSystem.exists(path) else { return [] }
        var rows: [HeldOutJudgement] = []
        var lines = try LineReader(path: path)
        while let line = try lines.next() {
            guard let row = (try? JSON.parse(line))?.object, let loss = row["loss"]?.double else { continue }
            let (chosen, rejected) = (row["chosen_length"]?.integer, row["rejected_length"]?.integer)
            let lists = row["length"]?.array?.compactMap(\.integer) ?? [row["length"]?.integer ?? 0]
            rows.append(
                HeldOutJudgement(
                    row: row["index"]?.integer ?? rows.count, loss: loss, margin: row["margin"]?.double,
                    accuracy: row["accuracy"]?.double,
                    lengths: chosen.flatMap { chosen in rejected.map { (chosen, $0) } },
                    length: ([chosen ?? 0, rejected ?? 0] + lists).max() ?? 0, source: row["source"]?.string))
        }
        return rows
    }
}
