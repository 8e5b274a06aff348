import Objectives
import Preferences
import Storage

/// `held-out-before.jsonl` and `held-out-after.jsonl`: a line for each judgement of `eval_file`, as the policy stood to it
/// before the first step and at the newest evaluation. Reports are drawn of them, and a run that is gone on with compares
/// its end with the first.
package struct HeldOutRecord {
    package static let (before, after) = ("held-out-before.jsonl", "held-out-after.jsonl")

    /// In the order of the set.
    let losses: [Double]

    /// Writes what an evaluation found.
    /// - Throws: `StorageError`.
    static func write(
        _ result: EvaluationResult, step: Int, of set: PreferenceSet, by objective: Objective, to folder: String
    ) throws(StorageError) {
        var text = ""
        for (judgement, found) in zip(set.judgements, result.judgements) {
            var row: JSONObject = ["step": .integer(step)]
            for (name, value) in found.verdict(of: objective).members { row[name] = value }
            row["source"] = set.sources[set.responses[judgement.responses[0]].comparison].map { .string($0) }
            if !result.tokenLogps.isEmpty {
                row["token_logps"] = .array(
                    judgement.responses.map { response in
                        .array(result.tokenLogps[response].map { .number(($0 * 1e4).rounded() / 1e4) })
                    })
            }
            text += JSON.object(row).text + "\n"
        }
        try AtomicFile.write(text, to: FileSystem.join(folder, step == 0 ? before : after))
        // A run that begins anew has no end yet.
        if step == 0 { try FileSystem.remove(FileSystem.join(folder, after)) }
    }

    /// Reads what was found before the first step.
    ///
    /// - Returns: nil where there is no such file, or one that isn't whole.
    init?(before folder: String, judgements: Int) {
        let path = FileSystem.join(folder, Self.before)
        guard FileSystem.exists(path), var lines = try? LineReader(path: path) else { return nil }
        var losses: [Double] = []
        while let line = try? lines.next() {
            guard let loss = (try? JSON.parse(line))?["loss"]?.double else { return nil }
            losses.append(loss)
        }
        guard losses.count == judgements else { return nil }
        self.losses = losses
    }
}
