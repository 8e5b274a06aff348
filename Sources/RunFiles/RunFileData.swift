/// A file or a folder of rows, as `train_file` or `eval_file` names it.
///
///     train_file: data/train.parquet            # a file, or a folder of shards (files of one format, in name order)
///     train_file: [a.jsonl.gz, shards/]         # several, one after the other
///     train_file:                               # several, drawn more or less often
///       - {path: a.jsonl, weight: 2.5}
///       - {path: b.csv}
package struct DataFile: Sendable, Equatable {
    package let path: String
    /// How often the file's pairs are drawn in an epoch. Its whole part repeats all rows; its fraction adds so large a share
    /// of them, chosen by `seed`, the same in every epoch. Default 1.
    package let weight: Double

    package init(path: String, weight: Double = 1) {
        self.path = path
        self.weight = weight
    }

    /// More would be a mistake: an epoch holds that many copies.
    static let greatestWeight = 1000.0
}

extension RunFileReader {
    /// The files that a key names; none if it isn't given.
    /// - Parameter weighted: false where every pair counts once.
    func dataFiles(_ key: String, weighted: Bool) throws(RunFileError) -> [DataFile] {
        guard let entry = self[key] else { return [] }
        guard case .list(let items) = entry.value else { return [DataFile(path: try text(key) ?? "")] }
        guard !items.isEmpty else { throw Self.wrong(entry, "a file, a folder, or a list of them") }
        var files: [DataFile] = []
        for (number, item) in items.enumerated() {
            let item = RunFileEntry(key: "\(key)[\(number)]", value: item, place: entry.place)
            files.append(try Self.dataFile(item, weighted: weighted))
        }
        return files
    }

    private static func dataFile(_ item: RunFileEntry, weighted: Bool) throws(RunFileError) -> DataFile {
        if let path = item.value.text, !path.isEmpty { return DataFile(path: path) }
        guard let members = item.value.map else { throw wrong(item, "a path, or {path: …, weight: …}") }
        var path: String?
        var weight = 1.0
        for member in members {
            let named = RunFileEntry(key: "\(item.key).\(member.key)", value: member.value, place: member.place)
            switch member.key {
            case "path":
                guard let text = member.value.text, !text.isEmpty else { throw wrong(named, "some text") }
                path = text
            case "weight":
                guard weighted else {
                    throw .unused(member.place, key: named.key, because: "an evaluation counts every pair once")
                }
                weight = try number(named, .positive)
                guard weight <= DataFile.greatestWeight else {
                    throw wrong(named, "a number above 0 and at most \(RunFileText.number(DataFile.greatestWeight))")
                }
            default: throw .unknownKey(member.place, key: named.key, nearest: "\(item.key).path or .weight")
            }
        }
        guard let path else {
            throw .wrongValue(item.place, key: item.key, found: item.value.found, expected: "a path in it: {path: …}")
        }
        return DataFile(path: path, weight: weight)
    }
}
