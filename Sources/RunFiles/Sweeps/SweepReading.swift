import Objectives
import Storage

/// Reads a sweep's file and gathers all that is wrong with it.
struct SweepReading {
    /// The settings of all runs, before their run files are read.
    struct Plan {
        let base: YAMLEntry
        let outputDirectory: String
        /// Of each run what the sweep gives it.
        let settings: [[YAMLEntry]]
        let names: [String]
        let varied: [String]
    }

    static let keys = ["base", "output_dir", "grid", "zip", "runs", "seeds", "metric", "greater_is_better"]
    /// A sweep of more is a slip of the pen.
    static let mostRuns = 10_000

    private let file: String
    private let entries: [YAMLEntry]
    private var faults: [RunFileFault] = []

    init(_ entries: [YAMLEntry], file: String) {
        (self.entries, self.file) = (entries, file)
    }

    private func entry(_ key: String) -> YAMLEntry? { entries.first { $0.key == key && !$0.value.isNull } }

    /// - Throws: all that is wrong with the sweep's own keys and with any of its runs.
    mutating func result() throws(RunFileError) -> (plan: Plan, runs: [SweepRun], metric: SweepMetric) {
        let plan = self.plan()
        refuseMalformedMetric()
        let ownFaults = faults
        let runs = plan.map { self.runs(of: $0) } ?? []
        if !ownFaults.isEmpty {
            // Without a part that can't be read a run may lack what the others of its keys need.
            let isWhole = ownFaults.allSatisfy { $0.key.map { Self.keysOfNoRun.contains($0) } ?? true }
            faults = ownFaults + faults.dropFirst(ownFaults.count).filter { isWhole || $0.isOfItsOwn }
        }
        guard faults.isEmpty, let plan else { throw RunFileError(faults) }
        return (plan, runs, try metric(for: runs))
    }

    /// A fault in one of these leaves the runs' other keys as they are.
    private static let keysOfNoRun: Set<String> = ["seeds", "metric", "greater_is_better", "output_dir"]

    // MARK: - The sweep's own keys

    /// The settings of all runs, as far as they can be read; nil if the runs can't be told at all.
    private mutating func plan() -> Plan? {
        for entry in entries where !Self.keys.contains(entry.key) { faults.append(Self.unknown(entry)) }
        let base = text("base", "name the run file that the runs have in common")
        let output = text("output_dir", "name the folder for sweep.jsonl and the runs' folders")
        let parts = [explicit(), zipped(), grid(), seeds()].compactMap { $0 }
        if parts.isEmpty, faults.isEmpty {
            faults.append(.missing(file: file, key: "grid, zip, runs or seeds", remedy: "say in what the runs differ"))
        }
        refuseTwice(parts)
        let count = parts.reduce(1.0) { $0 * Double($1.count) }
        if count > Double(Self.mostRuns) {
            faults.append(.tooLarge(file: file, what: "\(count) runs", limit: Self.mostRuns))
            return nil
        }
        guard let base, base.value.text != nil else { return nil }
        let all = parts.reduce([[YAMLEntry]]([[]])) { runs, part in runs.flatMap { run in part.map { run + $0 } } }
        let varied = Self.varied(all)
        let names = all.map { run in SweepName.of(run.filter { varied.contains($0.key) }) }
        for (index, name) in names.enumerated() where names[..<index].contains(name) {
            let place = (entry("runs") ?? entry("grid") ?? entry("zip") ?? entry("seeds"))?.place ?? base.place
            faults.append(
                .wrongValue(place, key: "the sweep", found: "the run \(name) twice", expected: "runs that differ"))
        }
        return Plan(base: base, outputDirectory: output?.value.text ?? "", settings: all, names: names, varied: varied)
    }

    private static func unknown(_ entry: YAMLEntry) -> RunFileFault {
        let remedies = [
            "parameters": "is wandb's; here it is grid: {key: [values]}", "method": "is wandb's; grid is the only one here",
            "program": "is wandb's; name the run file as base", "command": "is wandb's; name the run file as base",
            "name": "is wandb's; the folder output_dir names the sweep",
            "n_trials": "is Optuna's; the runs are those of grid, zip and runs",
            "direction": "is Optuna's; here it is greater_is_better: true or false",
        ]
        let others = keys.joined(separator: ", ")
        let nearest = Spelling.nearest(to: entry.key, in: keys)
        let isRunKey = KeyTable.byName[entry.key] != nil
        let remedy =
            remedies[entry.key] ?? nearest.map { "is no key of a sweep; did you mean \($0)?" }
            ?? (isRunKey
                ? "is a key of runs; put it into the base, or its values into grid"
                : "is no key of a sweep; those are \(others)")
        return .foreignKey(entry.place, key: entry.key, remedy: remedy)
    }

    private mutating func text(_ key: String, _ remedy: String) -> YAMLEntry? {
        guard let entry = entry(key) else {
            faults.append(.missing(file: file, key: key, remedy: remedy))
            return nil
        }
        if entry.value.text == nil { faults += entry.wrong("a path").faults }
        return entry
    }

    // MARK: - In what the runs differ

    /// The combinations of `grid`; its first key changes slowest.
    private mutating func grid() -> [[YAMLEntry]]? {
        guard let lists = lists("grid") else { return nil }
        return lists.reduce([[]]) { runs, list in runs.flatMap { run in list.map { run + [$0] } } }
    }

    private mutating func zipped() -> [[YAMLEntry]]? {
        guard let lists = lists("zip"), let count = lists.first?.count else { return nil }
        if let other = lists.first(where: { $0.count != count }) {
            faults.append(
                .wrongValue(
                    other[0].place, key: "zip.\(other[0].key)", found: "a list of \(other.count)",
                    expected: "\(count) values, as many as \(lists[0][0].key) has: they are taken together"))
            return nil
        }
        return (0..<count).map { number in lists.map { $0[number] } }
    }

    /// A mapping of keys to lists of values, each value as an entry.
    private mutating func lists(_ key: String) -> [[YAMLEntry]]? {
        guard let entry = entry(key) else { return nil }
        guard let keys = entry.value.map, !keys.isEmpty else {
            faults += entry.wrong("keys of the run file with lists of values, as {beta: [0.05, 0.1]}").faults
            return nil
        }
        var result: [[YAMLEntry]] = []
        for item in keys where isRunKey(item, in: key) {
            guard let values = item.value.list, !values.isEmpty else {
                faults += item.named(in: key).wrong("a list of values, as [0.05, 0.1]").faults
                continue
            }
            result.append(values.map { YAMLEntry(key: item.key, value: $0, place: item.place) })
        }
        return result.isEmpty ? nil : result
    }

    private mutating func explicit() -> [[YAMLEntry]]? {
        guard let entry = entry("runs") else { return nil }
        guard let items = entry.value.list, !items.isEmpty, items.allSatisfy({ $0.map != nil }) else {
            faults += entry.wrong("a list of runs, each as {beta: 0.1, learning_rate: 1e-6}").faults
            return nil
        }
        return items.map { item in (item.map ?? []).filter { isRunKey($0, in: "runs") } }
    }

    private mutating func seeds() -> [[YAMLEntry]]? {
        guard let entry = entry("seeds") else { return nil }
        guard let values = entry.value.list, !values.isEmpty, values.allSatisfy({ ($0.integer ?? -1) >= 0 }) else {
            faults += entry.wrong("a list of whole numbers from 0, as [1, 2, 3]").faults
            return nil
        }
        return values.map { [YAMLEntry(key: "seed", value: $0, place: entry.place)] }
    }

    private mutating func isRunKey(_ entry: YAMLEntry, in part: String) -> Bool {
        switch entry.key {
        case "output_dir":
            faults.append(
                .unused(entry.place, key: "\(part).output_dir", because: "each run has a folder in the sweep's output_dir"))
        case "extends": faults.append(.unused(entry.place, key: "\(part).extends", because: "the runs extend the base"))
        default: return true
        }
        return false
    }

    /// Refuses a key that two parts give.
    private mutating func refuseTwice(_ parts: [[[YAMLEntry]]]) {
        var known: [String: Place] = [:]
        for part in parts {
            let keys = part.flatMap { $0 }.map { ($0.key, $0.place) }
            for (key, place) in Dictionary(keys, uniquingKeysWith: { first, _ in first }) {
                if let other = known[key] {
                    faults.append(.contradiction(place, key: key, otherPlace: other, otherKey: "the other \(key)"))
                }
                known[key] = place
            }
        }
    }

    /// The keys that aren't the same in all runs, in the order in which they come; `seed` last.
    private static func varied(_ runs: [[YAMLEntry]]) -> [String] {
        var keys: [String] = []
        for entry in runs.joined() where !keys.contains(entry.key) { keys.append(entry.key) }
        let differing = keys.filter { key in
            Set(runs.map { run in run.first { $0.key == key }.map { YAMLText.inline($0.value) } }).count > 1
        }
        return differing.filter { $0 != "seed" } + differing.filter { $0 == "seed" }
    }

    // MARK: - The runs

    /// The runs that nothing is wrong with; of the others each fault once.
    private mutating func runs(of plan: Plan) -> [SweepRun] {
        let name = plan.base.value.text ?? ""
        let path = name.hasPrefix("/") ? name : FileSystem.join(FileSystem.parent(of: file), name)
        let bytes: [UInt8]
        do {
            bytes = try FileSystem.read(path)
        } catch {
            faults.append(.unreadableBase(plan.base.place, path: name, reason: "\(error)"))
            return []
        }
        var runs: [SweepRun] = []
        for (settings, name) in zip(plan.settings, plan.names) {
            let folder = YAMLEntry(
                key: "output_dir", value: .string(FileSystem.join(plan.outputDirectory, name)), place: plan.base.place)
            do throws(RunFileError) {
                let run = try RunFile(bytes: bytes, file: path, giving: settings + [folder])
                refuseUnshareable(run, plan.base)
                let own = settings.filter { plan.varied.contains($0.key) }.map { (key: $0.key, value: $0.value) }
                runs.append(SweepRun(name: name, settings: own, file: run))
            } catch {
                faults += error.faults.filter { !faults.contains($0) }
            }
        }
        return runs
    }

    /// Refuses what runs beside each other can't have.
    private mutating func refuseUnshareable(_ run: RunFile, _ base: YAMLEntry) {
        var found: [RunFileFault] = []
        if case .perDevice = run.batch.size {
            found.append(
                .unused(
                    base.place, key: "per_device_train_batch_size",
                    because: "a step of a sweep must not depend on how many ranks train it; give global_batch_size and"))
        }
        if run.machine.debugDump != nil {
            found.append(
                .unused(base.place, key: "debug_dump", because: "the runs of a sweep would write over each other's files"))
        }
        faults += found.filter { !faults.contains($0) }
    }

    // MARK: - The metric

    private mutating func refuseMalformedMetric() {
        if let direction = entry("greater_is_better"), direction.value.bool == nil {
            faults += direction.wrong("true or false").faults
        }
        if let given = entry("metric"), given.value.text == nil {
            faults += given.wrong("a name of metrics.jsonl, as eval_rewards/accuracies").faults
        }
    }

    /// - Throws: for a metric that a run doesn't have.
    private func metric(for runs: [SweepRun]) throws(RunFileError) -> SweepMetric {
        let given = entry("metric")
        let direction = entry("greater_is_better")
        let isHeldOut = runs.allSatisfy { !$0.file.data.evalFiles.isEmpty }
        let objectives = runs.map(\.file.objective)
        let common = Metric.of(objectives[0]).filter { metric in
            objectives.allSatisfy { Metric.of($0).contains { $0.name == metric.name } }
        }
        // Losses of different objectives and constants aren't comparable; how often the better response is preferred is.
        let usual = common.contains { $0.name == "rewards/accuracies" } ? "rewards/accuracies" : "loss"
        let name = given?.value.text ?? (isHeldOut ? "eval_\(usual)" : usual)
        let bare = name.hasPrefix("eval_") ? String(name.dropFirst(5)) : name
        if bare != name, !isHeldOut {
            throw (given ?? entries[0]).wrong("a metric of the training steps, without eval_: the runs have no eval_file")
        }
        let metric = common.first { $0.name == bare }
        let known = common.filter { $0.isBetterWhen != .neither }.map(\.name)
        guard metric != nil || bare.hasPrefix("objectives/") else {
            throw (given ?? entries[0]).wrong("a metric of all runs: " + YAMLText.alternatives(known))
        }
        if let isGreater = direction?.value.bool { return SweepMetric(name: name, isGreaterBetter: isGreater) }
        guard metric?.isBetterWhen != .neither else {
            throw (given ?? entries[0]).wrong("one of which more or less is better, or greater_is_better beside it")
        }
        return SweepMetric(name: name, isGreaterBetter: metric?.isBetterWhen != .less)
    }
}
