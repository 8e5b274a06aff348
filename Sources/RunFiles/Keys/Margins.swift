import Objectives
import Rewards
import Storage

/// The margin rewards of MODPO.
package struct Margins: Sendable, Equatable {
    /// `preference_name`: which of the `weights` is w₀, that of the preferences trained on where a file doesn't say otherwise.
    package let preferenceName: String
    /// All objectives with their weights, in the order of the file, which is the order to sum them in. Where weights are drawn,
    /// the mean of those.
    package let objectives: [ObjectiveWeight]
    /// `weights: sampled`: each pair has weights of its own.
    package let areSampled: Bool
    /// The objectives that are a margin reward of some pair: all but the one whose preferences are trained, or all where files
    /// have preferences of several.
    package let rewards: [MarginReward]

    /// w₀ > 0.
    package var preferenceWeight: Double { weight(of: preferenceName) }

    package func weight(of objective: String) -> Double { objectives.first { $0.name == objective }?.weight ?? 1 }

    /// The least w₀ that is drawn, since the loss divides by it: the least that the paper has.
    package static let leastSampledWeight = 0.1
}

/// One margin reward m_k and its weight.
package struct MarginReward: Sendable, Equatable {
    package let name: String
    /// w_k ≥ 0.
    package let weight: Double
    package let source: MarginSource
    package let scaling: MarginScaling
}

/// The factor of a margin reward.
package enum MarginScaling: Sendable, Equatable {
    /// `scale: FACTOR`. Default 1.
    case factor(Double)
    /// `normalise: std`: 1 over the standard deviation of chosen minus rejected over the training pairs.
    case std
    /// `normalise: range`: 1 over the difference of the greatest and the least value of a training response.
    case range
}

/// The source of a response's margin reward.
package enum MarginSource: Sendable, Equatable {
    /// `{column: NAME}`: the row's `scores_chosen[NAME]` and `scores_rejected[NAME]`. A weight that `margins` doesn't
    /// mention has the column of its own name.
    case column(String)
    /// `{model: DIR, beta: β_m}`: β_m (log π_m − log π_ref), the implicit reward of a model trained on that objective.
    case model(path: String, beta: Double)
    /// `{reward: "model:DIR"}`: the number that a reward model gives.
    case rewardModel(path: String)
    /// `{length: f}`: f times the number of scored tokens.
    case length(factor: Double)

    /// The folder of the model that it is read of.
    package var modelPath: String? {
        switch self {
        case .model(let path, _), .rewardModel(let path): path
        case .column, .length: nil
        }
    }
}

/// One entry of `weights`.
package struct ObjectiveWeight: Sendable, Equatable {
    package let name: String
    package let weight: Double
}

/// The value of `weights`.
package enum ObjectiveWeights: Sendable, Equatable {
    case fixed([ObjectiveWeight])
    /// Weights drawn for each pair; the objectives are those of `preference_name` and of `margins`.
    case sampled

    static let sampledWord = "sampled"
}

/// One entry of `margins`.
package struct MarginEntry: Sendable, Equatable {
    let name: String
    let source: MarginSource
    let scaling: MarginScaling
}

extension RunFile {
    /// The margin rewards of the run; nil for objectives that read none.
    package var margins: Margins? { values.margins }

    /// The run with the factors that its training rows gave, for `run.yaml` and for evaluations.
    package func settingScales(_ factors: [String: Double]) -> RunFile {
        var run = self
        run.loss.margins = self.loss.margins.map { entry in
            MarginEntry(
                name: entry.name, source: entry.source,
                scaling: factors[entry.name].map { .factor($0) } ?? entry.scaling)
        }
        return run
    }
}

extension RunValues {
    var margins: Margins? {
        guard losses.contains(where: \.needsMarginRewards) else { return nil }
        let (name, weights) = (self.loss.preferenceName, objectiveWeights)
        let entries = Dictionary(self.loss.margins.map { ($0.name, $0) }) { $1 }
        let trained = preferencesOfFiles
        return Margins(
            preferenceName: name, objectives: weights, areSampled: self.loss.objectiveWeights == .sampled,
            rewards: weights.filter { objective in trained.contains { $0 != objective.name } }.map {
                MarginReward(
                    name: $0.name, weight: $0.weight, source: entries[$0.name]?.source ?? .column($0.name),
                    scaling: entries[$0.name]?.scaling ?? .factor(1))
            })
    }

    private var objectiveWeights: [ObjectiveWeight] {
        switch self.loss.objectiveWeights {
        case .fixed(let weights): return weights
        case .sampled:
            let name = self.loss.preferenceName
            let names = [name] + self.loss.margins.map(\.name).filter { $0 != name }
            return names.map { ObjectiveWeight(name: $0, weight: 1 / Double(names.count)) }
        }
    }

    /// The objectives whose preferences the files have.
    private var preferencesOfFiles: Set<String> {
        let name = self.loss.preferenceName
        // Held-out pairs are of preference_name.
        let heldOut = self.data.evalFiles.isEmpty && !self.data.trainFiles.isEmpty ? [] : [name]
        return Set(self.data.trainFiles.map { $0.preference ?? name } + heldOut)
    }

    /// The objection to the objectives that training files name as their own.
    var objectionToPreferences: Rule.Objection? {
        let named = self.data.trainFiles.compactMap(\.preference)
        guard !named.isEmpty else { return nil }
        guard losses.contains(where: \.needsMarginRewards) else {
            let types = self.loss.types.joined(separator: ", ")
            return .expected("files without preference: loss_type \(types) has one objective")
        }
        let weights = objectiveWeights
        for name in named {
            guard let objective = weights.first(where: { $0.name == name }) else {
                return .expected(
                    "a preference of weights or margins for each file, "
                        + "\(YAMLText.alternatives(weights.map(\.name))), and \(name) is none of them")
            }
            guard objective.weight > 0 else {
                return .expected("a preference of a weight above 0 for each file, and that of \(name) is 0: leave it out")
            }
        }
        return nil
    }

    /// The faults of `weights` and `margins` that no entry has by itself.
    var faultsOfWeights: [RunFileFault] {
        guard let weights = given["weights"] else { return [] }
        guard let entries = weights.value.map else { return faultsOfSampling(weights) }
        let name = self.loss.preferenceName
        let trained = preferencesOfFiles
        var faults: [RunFileFault] = []
        if let preference = entries.first(where: { $0.key == name }) {
            if preference.value.number == 0 {
                faults.append(
                    .wrongValue(
                        preference.place, key: "weights.\(name)", found: preference.value.found,
                        expected: "a number above 0, since the loss divides by the weight of the trained preference: "
                            + "train another objective by its preferences and give this one as a margin reward"))
            }
        } else {
            faults.append(
                .wrongValue(
                    weights.place, key: "weights", found: "for \(entries.map(\.key).joined(separator: ", "))",
                    expected: "one for \(name) too, the objective whose preferences are trained (preference_name)"))
        }
        for margin in given["margins"]?.value.map ?? [] {
            let key = "margins.\(margin.key)"
            if margin.key == name, trained == [name] {
                faults.append(.unused(margin.place, key: key, because: "it is the trained preference itself"))
            } else if !entries.contains(where: { $0.key == margin.key }) {
                faults.append(.unused(margin.place, key: key, because: "weights has no \(margin.key)"))
            }
        }
        return faults
    }

    /// The faults of keys that `weights: sampled` needs.
    private func faultsOfSampling(_ entry: YAMLEntry) -> [RunFileFault] {
        func wrong(_ expected: String) -> RunFileFault {
            .wrongValue(entry.place, key: entry.key, found: entry.value.found, expected: expected)
        }
        var faults: [RunFileFault] = []
        if self.adapters.areUsed != true || self.adapters.path != nil {
            faults.append(wrong("use_peft: true beside it and a new adapter, with a part for each objective; or a mapping"))
        }
        if self.adapters.usesDoRA {
            faults.append(wrong("use_dora: false beside it, since DoRA's norms would be others for each pair; or a mapping"))
        }
        if objectiveWeights.count < 2 {
            faults.append(wrong("margins beside it, which name the other objectives; or a mapping"))
        }
        if let margin = given["margins"]?.value.map?.first(where: { $0.key == self.loss.preferenceName }),
            preferencesOfFiles == [self.loss.preferenceName]
        {
            faults.append(
                .unused(margin.place, key: "margins.\(margin.key)", because: "it is the trained preference itself"))
        }
        let answering = [("sample_prompts", self.samples.promptsFile != nil), ("rounds", self.rounds.count != nil)]
        for (key, isSet) in answering where isSet {
            faults.append(wrong("no \(key) beside it: a policy for all weights answers when some are chosen; or a mapping"))
        }
        return faults
    }
}

extension ValueKind where Value == ObjectiveWeights {
    static let weightsOrSampling = {
        let fixed = ValueKind<[ObjectiveWeight]>.objectiveWeights
        return ValueKind(
            words: "\(fixed.words), or \(ObjectiveWeights.sampledWord)",
            schema: ["anyOf": [fixed.schema, ["const": .string(ObjectiveWeights.sampledWord)]]]
        ) { entry throws(RunFileError) in
            if entry.value.text == ObjectiveWeights.sampledWord { return .sampled }
            return .fixed(try fixed.read(entry))
        } write: { weights in
            switch weights {
            case .fixed(let weights): fixed.write(weights)
            case .sampled: .plain(ObjectiveWeights.sampledWord)
            }
        }
    }()
}

extension ValueKind where Value == [ObjectiveWeight] {
    static let objectiveWeights = ValueKind(
        words: "a mapping of names, for instance weights: {preference: 0.5, brevity: 0.5}",
        schema: ["type": "object", "additionalProperties": NumberRange.nonNegative.schema, "minProperties": 1]
    ) { entry throws(RunFileError) in
        let number = ValueKind<Double>.number(.nonNegative)
        return try entry.members(example: "preference: 0.5, brevity: 0.5") { member throws(RunFileError) in
            ObjectiveWeight(name: member.key, weight: try number.read(member.named(in: entry.key)))
        }
    } write: { weights in
        weights.isEmpty ? .null : .mapping(weights.map { ($0.name, .number($0.weight)) })
    }
}

extension ValueKind where Value == [MarginEntry] {
    private static let kinds =
        "{column: NAME}, {model: DIR, beta: 0.1}, {reward: \"model:DIR\"} or {length: -1}, each also with scale or "
        + "normalise"

    static let margins = ValueKind(
        words: "a mapping of names to \(kinds)",
        schema: [
            "type": "object", "minProperties": 1,
            "additionalProperties": [
                "type": "object", "additionalProperties": false,
                "properties": [
                    "column": ["type": "string"], "model": ["type": "string"],
                    "beta": NumberRange.positive.schema, "length": ["type": "number"], "reward": ["type": "string"],
                    "scale": ["type": "number"], "normalise": ["enum": ["std", "range"]],
                ],
            ],
        ]
    ) { entry throws(RunFileError) in
        try entry.members(example: "brevity: {column: brevity}") { member throws(RunFileError) in
            let entry = member.named(in: "margins")
            return MarginEntry(
                name: member.key, source: try source(entry, column: member.key), scaling: try scaling(entry))
        }
    } write: { margins in
        margins.isEmpty ? .null : .mapping(margins.map { ($0.name, .mapping(yaml($0.source) + yaml($0.scaling))) })
    }

    private static func scaling(_ entry: YAMLEntry) throws(RunFileError) -> MarginScaling {
        func item(_ key: String) -> YAMLEntry? {
            entry.value.map?.first { $0.key == key }.map { $0.named(in: entry.key) }
        }
        guard let normalise = item("normalise") else {
            guard let scale = item("scale") else { return .factor(1) }
            let factor = try ValueKind<Double>.number(.any).read(scale)
            guard factor != 0 else { throw scale.wrong("a number other than 0") }
            return .factor(factor)
        }
        guard item("scale") == nil else { throw normalise.wrong("either normalise or scale, not both") }
        switch normalise.value.text {
        case "std": return .std
        case "range": return .range
        default: throw normalise.wrong("std or range")
        }
    }

    /// - Parameter column: the margin's name, the column of an entry that names no source.
    private static func source(_ entry: YAMLEntry, column: String) throws(RunFileError) -> MarginSource {
        guard let all = entry.value.map, !all.isEmpty else { throw entry.wrong(kinds) }
        let map = all.filter { !["scale", "normalise"].contains($0.key) }
        if map.isEmpty { return .column(column) }
        func item(_ key: String) -> YAMLEntry? { map.first { $0.key == key }.map { $0.named(in: entry.key) } }
        let names = Set(map.map(\.key))
        if names == ["column"], let column = item("column") { return .column(try ValueKind<String>.text.read(column)) }
        if names == ["length"], let factor = item("length") {
            return .length(factor: try ValueKind<Double>.number(.any).read(factor))
        }
        if names == ["reward"], let item = item("reward") {
            let spec = try ValueKind<String>.text.read(item)
            guard case .model(let path)? = try? RewardSource(spec) else {
                throw item.wrong(
                    "model:DIR, a reward model; other rewards are put into the data first (swift-prefopt annotate) and "
                        + "read with {column: NAME}")
            }
            return .rewardModel(path: path)
        }
        if names == ["model"] || names == ["model", "beta"], let path = item("model") {
            let beta = try item("beta").map { beta throws(RunFileError) in
                try ValueKind<Double>.number(.positive).read(beta)
            }
            return .model(path: try ValueKind<String>.text.read(path), beta: beta ?? 0.1)
        }
        throw RunFileError(
            .wrongValue(entry.place, key: entry.key, found: YAMLText.inline(entry.value), expected: kinds))
    }

    private static func yaml(_ source: MarginSource) -> [(String, YAMLValue)] {
        switch source {
        case .column(let name): [("column", .string(name))]
        case .model(let path, let beta): [("model", .string(path)), ("beta", .number(beta))]
        case .rewardModel(let path): [("reward", .string("model:" + path))]
        case .length(let factor): [("length", .number(factor))]
        }
    }

    private static func yaml(_ scaling: MarginScaling) -> [(String, YAMLValue)] {
        switch scaling {
        case .factor(1): []
        case .factor(let factor): [("scale", .number(factor))]
        case .std: [("normalise", .string("std"))]
        case .range: [("normalise", .string("range"))]
        }
    }
}

extension YAMLEntry {
    /// Reads each member of a mapping of at least one. All faults together.
    func members<Member>(
        example: String, _ read: (YAMLEntry) throws(RunFileError) -> Member
    ) throws(RunFileError) -> [Member] {
        guard let map = value.map, !map.isEmpty else {
            throw wrong("a mapping of names, for instance \(key): {\(example)}")
        }
        var members: [Member] = []
        var faults: [RunFileFault] = []
        for member in map {
            do throws(RunFileError) { members.append(try read(member)) } catch { faults += error.faults }
        }
        guard faults.isEmpty else { throw RunFileError(faults) }
        return members
    }
}
