import Objectives
import Preferences

extension RunFile {
    /// The margin rewards of MODPO.
    package struct Margins: Sendable, Equatable {
        /// `preference_name`: which of the `weights` is w_0, that of the preferences trained on. Default "preference".
        package let preferenceName: String
        /// The other weights in the order of the file, which is the order to sum them in.
        package let rewards: [MarginReward]
    }

    /// One margin reward m_k and its weight.
    package struct MarginReward: Sendable, Equatable {
        package let name: String
        /// w_k ≥ 0.
        package let weight: Double
        package let source: MarginSource
    }

    /// Where a response's margin reward comes from.
    package enum MarginSource: Sendable, Equatable {
        /// `{column: NAME}`: the row's `scores_chosen[NAME]` and `scores_rejected[NAME]`. A weight that `margins`
        /// doesn't mention has the column of its own name.
        case column(String)
        /// `{model: DIR, beta: β_m}`: β_m (log π_m − log π_ref), the implicit reward of a model trained on that
        /// objective.
        case model(path: String, beta: Double)
        /// `{length: f}`: f times the number of scored tokens.
        case length(factor: Double)
    }

    /// `loss_type` (default `sigmoid`; a word, or a list with `loss_weights`) and the constants that its losses declare.
    static func readObjective(_ reader: RunFileReader) throws(RunFileError) -> Objective {
        let losses = try readLosses(reader)
        let names = losses.map(\.loss.name).joined(separator: ", ")
        let declared = Objective.declared(by: losses.map(\.loss))
        for entry in reader.given {
            guard let users = RunFileKeys.losses(reading: entry.key),
                !losses.contains(where: { users.contains($0.loss.name) })
            else { continue }
            throw .unused(entry.place, key: entry.key, because: "loss_type \(names) doesn't read it")
        }
        var given: [String: ConstantValue] = [:]
        for constant in declared {
            guard let entry = reader[constant.name] else { continue }
            switch constant.domain {
            case .number(let range): given[constant.name] = .number(try RunFileReader.number(entry, range))
            case .word(let words):
                guard let word = entry.value.text, words.contains(word) else {
                    throw RunFileReader.wrong(entry, RunFileReader.alternatives(words))
                }
                given[constant.name] = .word(word)
            }
        }
        let needsWeights = losses.contains { $0.loss.needsMarginRewards }
        let preferenceWeight = needsWeights ? try readPreferenceWeight(reader) : 1
        do {
            return try Objective(losses, given, preferenceWeight: preferenceWeight)
        } catch {
            let place = reader["loss_type"]?.place ?? .line(file: reader.file, 1)
            throw .wrongValue(
                place, key: "loss_type", found: names, expected: "losses and constants that go together: \(error)")
        }
    }

    private static func readLosses(_ reader: RunFileReader) throws(RunFileError) -> [(loss: Loss, weight: Double)] {
        guard let entry = reader["loss_type"] else {
            if let weights = reader["loss_weights"] { throw weightsWithoutList(weights) }
            return [(.sigmoid, 1)]
        }
        guard case .list(let items) = entry.value, !items.isEmpty else {
            if let weights = reader["loss_weights"] { throw weightsWithoutList(weights) }
            return [(try readLoss(entry, entry.value), 1)]
        }
        var losses: [Loss] = []
        for item in items { losses.append(try readLoss(entry, item)) }
        guard let weights = reader["loss_weights"] else { return losses.map { ($0, 1) } }
        guard case .list(let numbers) = weights.value, numbers.count == losses.count else {
            throw RunFileReader.wrong(weights, "a list of \(losses.count) numbers, one for each loss of loss_type")
        }
        var weighted: [(loss: Loss, weight: Double)] = []
        for (loss, number) in zip(losses, numbers) {
            let entry = RunFileEntry(key: "loss_weights", value: number, place: weights.place)
            weighted.append((loss, try RunFileReader.number(entry, .positive)))
        }
        return weighted
    }

    private static func weightsWithoutList(_ entry: RunFileEntry) -> RunFileError {
        .unused(entry.place, key: entry.key, because: "loss_type is no list")
    }

    private static func readLoss(_ entry: RunFileEntry, _ value: RunFileValue) throws(RunFileError) -> Loss {
        let names = Loss.all.map(\.name)
        guard let word = value.text, let loss = Loss.named(word) else {
            if let refused = Loss.refused.first(where: { $0.name == value.text }) {
                throw .unavailable(entry.place, key: "loss_type", value: refused.name, remedy: refused.reason)
            }
            throw .wrongValue(
                entry.place, key: "loss_type", found: value.found, expected: RunFileReader.alternatives(names))
        }
        guard loss.statistic == nil else {
            throw .unavailable(
                entry.place, key: "loss_type", value: word, remedy: "it needs a statistic of the batch; choose another")
        }
        return loss
    }

    static func readMargins(_ reader: RunFileReader) throws(RunFileError) -> Margins? {
        guard let weights = reader["weights"] else { return nil }
        let preferenceName = try readPreferenceName(reader)
        let margins = try readMap(reader["margins"])
        for margin in margins {
            if margin.key == preferenceName {
                throw .unused(
                    margin.place, key: "margins.\(margin.key)", because: "it is the trained preference itself")
            }
            guard weights.value.map?.contains(where: { $0.key == margin.key }) ?? false else {
                throw .unused(margin.place, key: "margins.\(margin.key)", because: "weights has no \(margin.key)")
            }
        }
        var rewards: [MarginReward] = []
        for weight in try readMap(weights) where weight.key != preferenceName {
            let margin = margins.first { $0.key == weight.key }
            rewards.append(
                MarginReward(
                    name: weight.key, weight: try RunFileReader.number(named(weight, "weights"), .nonNegative),
                    source: try margin.map { entry throws(RunFileError) in try readSource(named(entry, "margins")) }
                        ?? .column(weight.key)))
        }
        return Margins(preferenceName: preferenceName, rewards: rewards)
    }

    private static func readPreferenceName(_ reader: RunFileReader) throws(RunFileError) -> String {
        try reader.text("preference_name") ?? "preference"
    }

    private static func readPreferenceWeight(_ reader: RunFileReader) throws(RunFileError) -> Double {
        guard let weights = reader["weights"] else {
            throw .missing(
                file: reader.file, key: "weights",
                remedy: "loss_type modpo needs a weight for each objective, for instance "
                    + "weights: {preference: 0.5, brevity: 0.5}")
        }
        let name = try readPreferenceName(reader)
        let entries = try readMap(weights)
        guard let entry = entries.first(where: { $0.key == name }) else {
            let found = entries.map(\.key).joined(separator: ", ")
            throw .wrongValue(
                weights.place, key: "weights", found: "for \(found)",
                expected: "one for \(name) too, the objective whose preferences are trained (preference_name)")
        }
        let weight = try RunFileReader.number(named(entry, "weights"), .any)
        guard weight > 0 else {
            throw .wrongValue(
                entry.place, key: "weights.\(name)", found: entry.value.found,
                expected: "a number above 0, since the loss divides by the weight of the trained preference: "
                    + "train another objective by its preferences and give this one as a margin reward")
        }
        return weight
    }

    /// The entries of a mapping of at least one, none for an absent key.
    private static func readMap(_ entry: RunFileEntry?) throws(RunFileError) -> [RunFileEntry] {
        guard let entry else { return [] }
        guard let map = entry.value.map, !map.isEmpty else {
            throw RunFileReader.wrong(entry, "a mapping of names, for instance \(entry.key): {\(example(entry.key))}")
        }
        return map
    }

    private static func example(_ key: String) -> String {
        key == "weights" ? "preference: 0.5, brevity: 0.5" : "brevity: {column: brevity}"
    }

    private static func readSource(_ entry: RunFileEntry) throws(RunFileError) -> MarginSource {
        let kinds = "{column: NAME}, {model: DIR, beta: 0.1} or {length: -1}"
        guard let map = entry.value.map, !map.isEmpty else { throw RunFileReader.wrong(entry, kinds) }
        func item(_ key: String) -> RunFileEntry? { map.first { $0.key == key }.map { named($0, entry.key) } }
        func text(_ item: RunFileEntry) throws(RunFileError) -> String {
            guard let text = item.value.text, !text.isEmpty else { throw RunFileReader.wrong(item, "some text") }
            return text
        }
        let names = Set(map.map(\.key))
        if names == ["column"], let column = item("column") { return .column(try text(column)) }
        if names == ["length"], let factor = item("length") {
            return .length(factor: try RunFileReader.number(factor, .any))
        }
        if names == ["model"] || names == ["model", "beta"], let path = item("model") {
            let beta = try item("beta").map { beta throws(RunFileError) in try RunFileReader.number(beta, .positive) }
            return .model(path: try text(path), beta: beta ?? 0.1)
        }
        let found = "{" + map.map { "\($0.key): \($0.value.found)" }.joined(separator: ", ") + "}"
        throw .wrongValue(entry.place, key: entry.key, found: found, expected: kinds)
    }

    /// The entry under its full name, for messages.
    private static func named(_ entry: RunFileEntry, _ parent: String) -> RunFileEntry {
        RunFileEntry(key: "\(parent).\(entry.key)", value: entry.value, place: entry.place)
    }
}
