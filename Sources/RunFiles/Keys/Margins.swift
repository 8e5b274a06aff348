import Objectives
import Storage

/// The margin rewards of MODPO.
package struct Margins: Sendable, Equatable {
    /// `preference_name`: which of the `weights` is w₀, that of the preferences trained on.
    package let preferenceName: String
    /// w₀ > 0.
    package let preferenceWeight: Double
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
    /// `{column: NAME}`: the row's `scores_chosen[NAME]` and `scores_rejected[NAME]`. A weight that `margins` doesn't
    /// mention has the column of its own name.
    case column(String)
    /// `{model: DIR, beta: β_m}`: β_m (log π_m − log π_ref), the implicit reward of a model trained on that objective.
    case model(path: String, beta: Double)
    /// `{length: f}`: f times the number of scored tokens.
    case length(factor: Double)
}

/// One entry of `weights`.
package struct ObjectiveWeight: Sendable, Equatable {
    let name: String
    let weight: Double
}

/// One entry of `margins`.
package struct MarginEntry: Sendable, Equatable {
    let name: String
    let source: MarginSource
}

extension RunFile {
    /// The margin rewards of the run; nil for objectives that read none.
    package var margins: Margins? { values.margins }
}

extension RunValues {
    var margins: Margins? {
        guard losses.contains(where: \.needsMarginRewards) else { return nil }
        let (name, weights) = (self.loss.preferenceName, self.loss.objectiveWeights)
        let sources = Dictionary(self.loss.margins.map { ($0.name, $0.source) }) { $1 }
        return Margins(
            preferenceName: name, preferenceWeight: weights.first { $0.name == name }?.weight ?? 1,
            rewards: weights.filter { $0.name != name }.map {
                MarginReward(name: $0.name, weight: $0.weight, source: sources[$0.name] ?? .column($0.name))
            })
    }

    /// The faults of `weights` and `margins` that no entry has by itself.
    var faultsOfWeights: [RunFileFault] {
        guard let weights = given["weights"], let entries = weights.value.map else { return [] }
        let name = self.loss.preferenceName
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
            if margin.key == name {
                faults.append(.unused(margin.place, key: key, because: "it is the trained preference itself"))
            } else if !entries.contains(where: { $0.key == margin.key }) {
                faults.append(.unused(margin.place, key: key, because: "weights has no \(margin.key)"))
            }
        }
        return faults
    }
}

extension ValueKind where Value == [ObjectiveWeight] {
    static let objectiveWeights = ValueKind(
        words: "a mapping of names, for instance weights: {preference: 0.5, brevity: 0.5}",
        schema: ["type": "object", "additionalProperties": NumberRange.nonNegative.schema, "minProperties": 1]
    ) { entry throws(RunFileError) in
        let number = ValueKind<Double>.number(.nonNegative)
        return try entry.members(example: "preference: 0.5, brevity: 0.5") { member throws(RunFileError) in
            ObjectiveWeight(name: member.key, weight: try number.read(member.named(in: "weights")))
        }
    } write: { weights in
        weights.isEmpty ? .null : .mapping(weights.map { ($0.name, .number($0.weight)) })
    }
}

extension ValueKind where Value == [MarginEntry] {
    private static let kinds = "{column: NAME}, {model: DIR, beta: 0.1} or {length: -1}"

    static let margins = ValueKind(
        words: "a mapping of names to \(kinds)",
        schema: [
            "type": "object", "minProperties": 1,
            "additionalProperties": [
                "type": "object", "additionalProperties": false,
                "properties": [
                    "column": ["type": "string"], "model": ["type": "string"],
                    "beta": NumberRange.positive.schema, "length": ["type": "number"],
                ],
            ],
        ]
    ) { entry throws(RunFileError) in
        try entry.members(example: "brevity: {column: brevity}") { member throws(RunFileError) in
            MarginEntry(name: member.key, source: try source(member.named(in: "margins")))
        }
    } write: { margins in
        margins.isEmpty ? .null : .mapping(margins.map { ($0.name, yaml($0.source)) })
    }

    private static func source(_ entry: YAMLEntry) throws(RunFileError) -> MarginSource {
        guard let map = entry.value.map, !map.isEmpty else { throw entry.wrong(kinds) }
        func item(_ key: String) -> YAMLEntry? { map.first { $0.key == key }.map { $0.named(in: entry.key) } }
        let names = Set(map.map(\.key))
        if names == ["column"], let column = item("column") { return .column(try ValueKind<String>.text.read(column)) }
        if names == ["length"], let factor = item("length") {
            return .length(factor: try ValueKind<Double>.number(.any).read(factor))
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

    private static func yaml(_ source: MarginSource) -> YAMLValue {
        switch source {
        case .column(let name): .mapping([("column", .string(name))])
        case .model(let path, let beta): .mapping([("model", .string(path)), ("beta", .number(beta))])
        case .length(let factor): .mapping([("length", .number(factor))])
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
