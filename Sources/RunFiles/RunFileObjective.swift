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

    private enum LossType: String, CaseIterable {
        case sft, sigmoid, simpo, modpo
    }

    private static let laterLossTypes: Set = [
        "robust", "hinge", "ipo", "sigmoid_norm", "orpo", "cpo", "slic", "rdpo", "rrhf", "kto", "dpop",
    ]

    /// `loss_type` (default `sigmoid`) and its constants.
    ///
    /// `beta`: 0.1; for `simpo` 2, the paper's for base models, where TRL has 0.1. `gamma`: for `simpo` half of β,
    /// likewise. `label_smoothing` and `nll_weight`: 0.
    static func readObjective(_ reader: RunFileReader) throws(RunFileError) -> Objective {
        if let entry = reader["loss_type"], let word = entry.value.text, laterLossTypes.contains(word) {
            throw .unavailable(
                entry.place, key: "loss_type", value: word,
                remedy: "choose \(RunFileReader.alternatives(LossType.allCases.map(\.rawValue)))")
        }
        let lossType = try reader.choice("loss_type", default: LossType.sigmoid)
        for entry in reader.given {
            guard let users = RunFileKeys.objectives[entry.key], !users.contains(lossType.rawValue) else { continue }
            throw .unused(entry.place, key: entry.key, because: "loss_type \(lossType.rawValue) doesn't read it")
        }

        let beta = try reader.number("beta", .positive) ?? (lossType == .simpo ? 2 : 0.1)
        let nllWeight = try reader.number("nll_weight", .nonNegative) ?? 0
        let kind: Objective.Kind
        switch lossType {
        case .sft:
            kind = .sft
        case .sigmoid:
            kind = .sigmoid(beta: beta, labelSmoothing: try reader.number("label_smoothing", .below(0.5)) ?? 0)
        case .simpo:
            let ratio = try reader.number("gamma_beta_ratio", .nonNegative) ?? 0.5
            kind = .simpo(beta: beta, gamma: try reader.number("gamma", .nonNegative) ?? ratio * beta)
        case .modpo:
            kind = .modpo(beta: beta, preferenceWeight: try readPreferenceWeight(reader))
        }
        do {
            return try Objective(kind, nllWeight: nllWeight)
        } catch {
            let place = reader["loss_type"]?.place ?? .line(file: reader.file, 1)
            throw .wrongValue(
                place, key: "loss_type", found: lossType.rawValue, expected: "constants that it can use: \(error)")
        }
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
