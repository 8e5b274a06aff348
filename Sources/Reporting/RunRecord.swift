import Storage

/// A run's folder as the run left it. Files that aren't there are empty; a run in progress or killed is read as far as it
/// got.
package struct RunRecord {
    package let folder: String
    /// The run's name beside others.
    package var name: String
    /// Logged steps.
    let steps: StepTable
    /// Rows of evaluations, in the order of their steps.
    let evaluations: [JSONObject]
    let manifest: JSONObject
    /// `run.yaml`: top-level keys with their values as they are written.
    let keys: [(key: String, value: String)]
    /// Of the held-out judgements before the first step and at the newest evaluation.
    let before: [HeldOutJudgement]
    let after: [HeldOutJudgement]
    let extremes: JSONObject
    let samples: [JSONObject]
    let data: JSONObject
    /// Steps of the checkpoints that are there.
    let checkpoints: [Int]

    /// Whether a folder has a run's records.
    static func isRun(_ folder: String) -> Bool { FileSystem.exists(FileSystem.join(folder, "metrics.jsonl")) }

    /// - Throws: `ReportError` for a folder without a run, `StorageError` for files that can't be read.
    package init(folder: String) throws {
        guard Self.isRun(folder) else {
            let isFinal = FileSystem.isDirectory(folder) && Self.isRun(FileSystem.parent(of: folder))
            throw ReportError.noRun(
                path: folder,
                remedy: isFinal ? "name its run's folder, \(FileSystem.parent(of: folder))" : "name output_dir of a run")
        }
        func file(_ name: String) -> String { FileSystem.join(folder, name) }
        func object(_ name: String) -> JSONObject {
            guard FileSystem.exists(file(name)) else { return [:] }
            return (try? JSON.parse(FileSystem.read(file(name))))?.object ?? [:]
        }
        self.folder = folder
        name = FileSystem.name(of: FileSystem.resolved(folder))
        var (steps, evaluations) = (StepTable(), [JSONObject]())
        var lines = try LineReader(path: file("metrics.jsonl"))
        while let line = try lines.next() {
            // A line that a crash cut off is no JSON.
            guard let row = (try? JSON.parse(line))?.object, let step = row["step"]?.integer else { continue }
            if row["eval_pairs"] != nil || row["eval_loss"] != nil || row["eval_samples"] != nil {
                evaluations.append(row)
            } else {
                steps.append(row, step: step)
            }
        }
        (self.steps, self.evaluations) = (steps, evaluations)
        manifest = object("manifest.json")
        keys = FileSystem.exists(file("run.yaml")) ? Self.keys(of: try FileSystem.read(file("run.yaml"))) : []
        before = try HeldOutJudgement.rows(of: file("held-out-before.jsonl"))
        after = try HeldOutJudgement.rows(of: file("held-out-after.jsonl"))
        extremes = object("held-out-extremes.json")
        samples = try Self.rows(of: file("samples.jsonl"))
        data = object("data.json")
        checkpoints = try FileSystem.list(folder).compactMap { name in
            name.hasPrefix("checkpoint-") ? Int(name.dropFirst("checkpoint-".count)) : nil
        }.sorted()
    }

    /// The objects of a file of JSON lines; none if there is no file.
    static func rows(of path: String) throws(StorageError) -> [JSONObject] {
        guard FileSystem.exists(path) else { return [] }
        var rows: [JSONObject] = []
        var lines = try LineReader(path: path)
        while let line = try lines.next() {
            if let row = (try? JSON.parse(line))?.object { rows.append(row) }
        }
        return rows
    }

    /// The top level of a file that this program wrote: what is indented belongs to the key before it.
    private static func keys(of yaml: [UInt8]) -> [(key: String, value: String)] {
        var keys: [(key: String, value: String)] = []
        for line in String(decoding: yaml, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix(" ") || line.hasPrefix("-") {
                guard !keys.isEmpty else { continue }
                let more = line.drop { $0 == " " }
                keys[keys.count - 1].value += (keys[keys.count - 1].value.isEmpty ? "" : " ") + more
            } else if let colon = line.firstIndex(of: ":") {
                let value = line[line.index(after: colon)...].drop { $0 == " " }
                keys.append((String(line[..<colon]), String(value)))
            }
        }
        return keys
    }

    subscript(key: String) -> String? { keys.first { $0.key == key }?.value }

    // MARK: - What the manifest says

    var attempts: [JSONObject] { manifest["attempts"]?.array?.compactMap(\.object) ?? [] }

    /// The last step that there is a row of.
    var lastStep: Int { max(steps.steps.last ?? 0, evaluations.compactMap { $0["step"]?.integer }.max() ?? 0) }

    var totalSteps: Int? { manifest["steps"]?.integer }

    /// The warnings of all attempts, each once.
    var warnings: [String] {
        var said: [String] = []
        for attempt in attempts {
            for line in attempt["warnings"]?.array?.compactMap(\.string) ?? [] where !said.contains(line) {
                said.append(line)
            }
        }
        return said
    }
}
