import Objectives
import Storage

/// A file or a folder of rows, as `train_file` or `eval_file` names it.
///
///     train_file: data/train.parquet            # a file, or a folder of shards (files of one format, in name order)
///     train_file: [a.jsonl.gz, shards/]         # several, one after the other
///     train_file:                               # several, drawn more or less often
///       - {path: a.jsonl, weight: 2.5}
///       - {path: b.csv}
///     train_file:                               # several, each with a loss of its own in every step: Σ w_k L_k
///       - {path: a.jsonl, loss_weight: 0.3}
///       - {path: b.jsonl, loss_weight: 0.7}
///     train_file:                               # several, with preferences of different objectives (modpo)
///       - {path: kind.jsonl, preference: kind}
///       - {path: brief.jsonl, preference: brief}
package struct DataFile: Sendable, Equatable {
    package let path: String
    /// The number of times the file's pairs are drawn in an epoch. Its whole part repeats all rows; its fraction adds
    /// so large a share of them, chosen by `seed`, the same in every epoch. Default 1.
    package let weight: Double
    /// w_k: every step has `global_batch_size` pairs of this file, and w_k times their mean loss. Default nil: the file's
    /// pairs are drawn with those of the others.
    package let lossWeight: Double?
    /// The objective that its preferences are of, among MODPO's weights. Default nil: that of `preference_name`.
    package let preference: String?

    package init(path: String, weight: Double = 1, lossWeight: Double? = nil, preference: String? = nil) {
        (self.path, self.weight, self.lossWeight, self.preference) = (path, weight, lossWeight, preference)
    }

    /// More would be a mistake: an epoch holds that many copies.
    static let greatestWeight = 1000.0
}

extension ValueKind where Value == [DataFile] {
    /// The files that a key names; none for an empty key.
    /// - Parameter weighted: false where every pair counts once.
    static func dataFiles(weighted: Bool) -> ValueKind {
        let words = "a file, a folder, or a list of them"
        var members: JSONObject = ["path": ["type": "string"]]
        if weighted {
            members["weight"] = NumberRange.positive.schema
            members["loss_weight"] = NumberRange.nonNegative.schema
            members["preference"] = ["type": "string"]
        }
        let file: JSON = [
            "anyOf": [
                ["type": "string"],
                [
                    "type": "object", "required": ["path"], "additionalProperties": false,
                    "properties": .object(members),
                ],
            ]
        ]
        return ValueKind(
            words: words, schema: ["anyOf": [["type": "string"], ["type": "array", "items": file, "minItems": 1]]]
        ) { entry throws(RunFileError) in
            guard case .list(let items) = entry.value else {
                return [DataFile(path: try ValueKind<String>.text.read(entry))]
            }
            guard !items.isEmpty else { throw entry.wrong(words) }
            var files: [DataFile] = []
            for (number, item) in items.enumerated() {
                let item = YAMLEntry(key: "\(entry.key)[\(number)]", value: item, place: entry.place)
                files.append(try dataFile(item, weighted: weighted))
            }
            return files
        } write: { files in
            if let only = files.first, files.count == 1, only == DataFile(path: only.path) {
                return .string(only.path)
            }
            return files.isEmpty
                ? .null
                : .list(files.map(\.yaml))
        }
    }

    private static func dataFile(_ item: YAMLEntry, weighted: Bool) throws(RunFileError) -> DataFile {
        if let path = item.value.text, !path.isEmpty { return DataFile(path: path) }
        guard let members = item.value.map else { throw item.wrong("a path, or {path: …, weight: …}") }
        var path: String?
        var weight = 1.0
        var lossWeight: Double?
        var preference: String?
        for member in members {
            let named = member.named(in: item.key)
            switch member.key {
            case "path": path = try ValueKind<String>.text.read(named)
            case "weight" where !weighted, "loss_weight" where !weighted:
                throw RunFileError(
                    .unused(member.place, key: named.key, because: "an evaluation counts every pair once"))
            case "loss_weight": lossWeight = try ValueKind<Double>.number(.nonNegative).read(named)
            case "preference" where !weighted:
                throw RunFileError(
                    .unused(member.place, key: named.key, because: "held-out pairs are of preference_name"))
            case "preference": preference = try ValueKind<String>.text.read(named)
            case "weight":
                weight = try ValueKind<Double>.number(.positive).read(named)
                guard weight <= DataFile.greatestWeight else {
                    throw named.wrong("a number above 0 and at most \(YAMLText.number(DataFile.greatestWeight))")
                }
            default:
                throw RunFileError(
                    .unknownKey(member.place, key: named.key, nearest: "\(item.key).path, .weight, .loss_weight or .preference"))
            }
        }
        guard let path else {
            throw RunFileError(
                .wrongValue(item.place, key: item.key, found: item.value.found, expected: "a path in it: {path: …}"))
        }
        return DataFile(path: path, weight: weight, lossWeight: lossWeight, preference: preference)
    }
}

extension DataFile {
    fileprivate var yaml: YAMLValue {
        var members: [(name: String, value: YAMLValue)] = [("path", .string(path))]
        if weight != 1 { members.append(("weight", .number(weight))) }
        if let lossWeight { members.append(("loss_weight", .number(lossWeight))) }
        if let preference { members.append(("preference", .string(preference))) }
        return .mapping(members)
    }
}

extension RunValues {
    /// The objection to the `loss_weight`s of the training files.
    var objectionToLossWeights: Rule.Objection? {
        let weights = self.data.trainFiles.map(\.lossWeight)
        guard weights.contains(where: { $0 != nil }) else { return nil }
        guard !weights.contains(nil) else { return .expected("a loss_weight for each of the files, or for none") }
        guard weights.contains(where: { ($0 ?? 0) > 0 }) else {
            return .expected("a loss_weight above 0 for one of the files")
        }
        guard let loss = losses.first(where: { $0.judges == .prompts || $0.statistic != nil }) else { return nil }
        let reason =
            loss.judges == .prompts
            ? "draws its own responses; it has reward_weights" : "compares rewards with a statistic of the whole batch"
        return .expected("files without loss_weight: \(loss.name) \(reason)")
    }
}
