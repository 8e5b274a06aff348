import Objectives
import Storage

extension ValueKind where Value == [String] {
    /// The names of losses: one, or a list of them.
    static let lossTypes = {
        let names = Loss.all.map(\.name)
        let words = YAMLText.alternatives(names)
        let word: JSON = ["enum": .array(names.map { .string($0) })]
        return ValueKind(
            words: words + ", or a list of them",
            schema: ["anyOf": [word, ["type": "array", "items": word, "minItems": 1]]]
        ) { entry throws(RunFileError) in
            let given = try ValueKind<[String]>.names.read(entry)
            for name in given where !names.contains(name) {
                if let reason = Loss.refused.first(where: { $0.name == name })?.reason {
                    throw RunFileError(.foreignValue(entry.place, key: entry.key, value: name, remedy: reason))
                }
                if let ours = Synonym.lossNames[name] {
                    throw RunFileError(
                        .foreignValue(entry.place, key: entry.key, value: name, remedy: "write \(ours)"))
                }
                let nearest = Spelling.nearest(to: name, in: names + Synonym.lossNames.keys.sorted())
                let meant = nearest.map { "; did you mean \(Synonym.lossNames[$0] ?? $0)?" } ?? ""
                throw RunFileError(.wrongValue(entry.place, key: entry.key, found: name, expected: words + meant))
            }
            return given
        } write: { types in
            types.count == 1 ? .string(types[0]) : .list(types.map { .string($0) })
        }
    }()

    /// Places that metrics go to, beside metrics.jsonl.
    static let reports = ValueKind(
        words: "none or tensorboard",
        schema: [
            "enum": [
                "none", "tensorboard", .array([]), .array([.string("none")]), .array([.string("tensorboard")]),
            ]
        ]
    ) { entry throws(RunFileError) in
        if case .list(let places) = entry.value, places.isEmpty { return [] }
        switch try ValueKind<[String]>.names.read(entry) {
        case ["none"]: return []
        case ["tensorboard"]: return ["tensorboard"]
        default:
            throw entry.wrong(
                "none or tensorboard: metrics.jsonl in output_dir has every number, and nothing is sent over a network")
        }
    } write: { places in
        .string(places.first ?? "none")
    }
}

extension ValueKind where Value == [Double]? {
    /// Weights of a list of losses.
    static let lossWeights = ValueKind(
        words: "a list of numbers above 0",
        schema: ["type": "array", "items": NumberRange.positive.schema, "minItems": 1]
    ) { entry throws(RunFileError) in
        guard let values = entry.value.list, !values.isEmpty else { throw entry.wrong("a list of numbers above 0") }
        var weights: [Double] = []
        for value in values {
            guard let weight = value.number, weight > 0 else { throw entry.wrong("a list of numbers above 0") }
            weights.append(weight)
        }
        return weights
    } write: { weights in
        weights.map { .list($0.map { .number($0) }) } ?? .null
    }
}
