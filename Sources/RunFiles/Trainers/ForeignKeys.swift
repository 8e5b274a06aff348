/// Keys of other trainers that aren't keys here.
enum ForeignKeys {
    /// Our key that an entry is by another name, with that name's place among the key's synonyms. A name that trainers use
    /// for several things is the first of them that its value is right for.
    static func counterpart(of entry: YAMLEntry) -> (key: any AnyKey, index: Int)? {
        let found = KeyTable.keys.compactMap { key in
            key.synonyms.firstIndex { $0.name == entry.key }.map { (key: key, index: $0) }
        }
        return found.first { $0.key.synonyms[$0.index].convert(entry.value) != nil } ?? found.first
    }

    /// The fault of a key that is another trainer's; nil for one that nobody has.
    /// - Parameter given: all entries of the run, since another of them may say the same better.
    static func fault(of entry: YAMLEntry, among given: [YAMLEntry] = []) -> RunFileFault? {
        if let (key, index) = counterpart(of: entry) {
            let synonym = key.synonyms[index]
            // Later synonyms are the more precise ones: LLaMA-Factory's stage and pref_loss.
            let better = [key.name] + key.synonyms[(index + 1)...].map(\.name)
            let remedy =
                if let other = given.first(where: { better.contains($0.key) }) {
                    "here \(key.name) says it, which \(other.key) (\(other.place)) gives already; remove it"
                } else {
                    remedy(synonym, of: key, value: entry.value)
                }
            return .foreignKey(entry.place, key: entry.key, remedy: "\(owner(synonym.trainers)); \(remedy)")
        }
        guard let foreign = ForeignKey.all.first(where: { $0.covers(entry.key) }) else { return nil }
        return .foreignKey(
            entry.place, key: entry.key, remedy: "\(owner(foreign.trainers)); \(foreign.text); remove it")
    }

    private static func remedy(_ synonym: Synonym, of key: any AnyKey, value: YAMLValue) -> String {
        guard let converted = synonym.convert(value) else {
            return "here \(key.name) says it: \(key.words); \(value.found) becomes none of them"
        }
        return "here write \(key.name): \(YAMLText.inline(converted))"
    }

    private static func owner(_ trainers: [PeerTrainer]) -> String {
        trainers.isEmpty ? "is no key here" : "is a key of \(YAMLText.alternatives(trainers.map(\.title), by: "and"))"
    }

    /// The tables of `docs/run-file.md`.
    static var markdown: String {
        var text = "\n| there | trainer | here |\n|---|---|---|\n"
        for key in KeyTable.keys {
            for synonym in key.synonyms where !synonym.trainers.isEmpty {
                text += "| `\(synonym.name)` | \(titles(synonym.trainers)) | `\(key.name)` |\n"
            }
        }
        text += "\nWithout a counterpart:\n\n| there | trainer | why |\n|---|---|---|\n"
        for foreign in ForeignKey.all {
            let names = foreign.names.map { "`\($0)`" }.joined(separator: ", ")
            text += "| \(names) | \(titles(foreign.trainers)) | \(KeyDocument.cell(foreign.text)) |\n"
        }
        return text
    }

    private static func titles(_ trainers: [PeerTrainer]) -> String {
        trainers.isEmpty ? "transformers" : trainers.map(\.title).joined(separator: ", ")
    }
}

/// Keys of other trainers without a counterpart here, and why.
package struct ForeignKey: Sendable {
    /// The fate of the key when a recipe is imported.
    package enum Fate: Sendable {
        /// Nothing is lost.
        case needless
        /// The recipe asks for something that isn't here.
        case missing
        /// It is said in another place: on the command line, by the data, by the machine.
        case elsewhere
    }

    /// A name may end in `*`.
    package let names: [String]
    /// Whose they are; empty: transformers' and so almost everybody's.
    let trainers: [PeerTrainer]
    let fate: Fate
    let text: String

    init(_ names: String, of trainers: PeerTrainer..., fate: Fate = .needless, because text: String) {
        self.names = names.split(separator: " ").map(String.init)
        self.trainers = trainers
        self.fate = fate
        self.text = text
    }

    package func covers(_ key: String) -> Bool {
        names.contains { $0.hasSuffix("*") ? key.hasPrefix($0.dropLast()) : $0 == key }
    }
}
