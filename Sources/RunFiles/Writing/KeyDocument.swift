import Objectives

/// The texts of `swift-prefopt keys` and of the generated `docs/run-file.md`.
package enum KeyDocument {
    /// Every key with its default, under the sections' headings.
    package static var list: String {
        KeyTable.sections.map { title, keys in
            let width = keys.map(\.name.count).max() ?? 0
            let lines = keys.map { key in
                let name = key.name + String(repeating: " ", count: width - key.name.count)
                return "  \(name)  \(key.standard.words)\n"
            }
            return "# \(title)\n" + lines.joined()
        }.joined(separator: "\n")
    }

    /// All that is known of a key, in lines.
    /// - Throws: `RunFileError` for a key that there isn't, with what it becomes here if another trainer has it.
    package static func text(of name: String) throws(RunFileError) -> String {
        for (title, keys) in KeyTable.sections {
            if let key = keys.first(where: { $0.name == name }) { return text(of: key, section: title) }
        }
        let entry = YAMLEntry(key: name, value: .plain("…"), place: .argument)
        throw RunFileError(
            ForeignKeys.fault(of: entry) ?? .unknownKey(.argument, key: name, nearest: KeyTable.nearest(to: name)))
    }

    private static func text(of key: any AnyKey, section: String) -> String {
        var lines = [
            "\(key.name) (\(section))", "  \(key.meaning)", "  value: \(key.words)", "  default: \(standard(key))",
            "  read by: \(readers(key))",
        ]
        let rivals = KeyTable.rivals[key.name] ?? []
        if !rivals.isEmpty { lines.append("  instead of: \(rivals.joined(separator: ", "))") }
        if !key.synonyms.isEmpty { lines.append("  elsewhere: \(elsewhere(key))") }
        if key.isIdentity { lines.append("  a run that goes on from a checkpoint must have the checkpoint's value") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The whole table as Markdown.
    package static var markdown: String {
        var text = """
            # Run file keys

            Made by `swift-prefopt keys --markdown` from the program's key table; edit that, not this file.
            `swift-prefopt keys KEY` says the same of one key, and [run-file.schema.json](run-file.schema.json) tells it to editors.

            A run file is YAML (or JSON). Unknown keys, keys that the run doesn't read and keys that contradict each other are refused, all
            at once. `--set key=value` on the command line wins over the file. **Bold** keys belong to a run's identity: to go on from a
            checkpoint they must be the checkpoint's.

            """
        for (title, keys) in KeyTable.sections {
            text += "\n## \(title.prefix(1).uppercased() + title.dropFirst())\n\n"
            text += "| key | value | default | meaning |\n|---|---|---|---|\n"
            for key in keys { text += row(key) }
        }
        text += "\n## Losses\n\n| `loss_type` | loss | reads |\n|---|---|---|\n"
        for loss in Loss.all {
            let keys = KeyTable.keys.filter { $0.readers.names?.contains(loss.name) ?? false }
            text += "| `\(loss.name)` | \(cell(loss.title)), \(cell(loss.source)) | "
            text += keys.map { "`\($0.name)`" }.joined(separator: ", ") + " |\n"
        }
        text += "\n## Keys of other trainers\n\n"
        text +=
            "What a run file of another trainer says, and what it becomes here. `swift-prefopt import-config` does it for whole files.\n"
        text += ForeignKeys.markdown
        return text
    }

    private static func row(_ key: any AnyKey) -> String {
        let name = key.isIdentity ? "**`\(key.name)`**" : "`\(key.name)`"
        var meaning = key.meaning
        let rivals = KeyTable.rivals[key.name] ?? []
        if !rivals.isEmpty { meaning += " Instead of \(rivals.map { "`\($0)`" }.joined(separator: ", "))." }
        if let readers = key.readers.words { meaning += " Read by \(readers)." }
        return "| \(name) | \(cell(key.words)) | \(cell(standard(key))) | \(cell(meaning)) |\n"
    }

    private static func standard(_ key: any AnyKey) -> String {
        key.standard.words + (key.reason.isEmpty ? "" : " (\(key.reason))")
    }

    private static func readers(_ key: any AnyKey) -> String {
        key.readers.words ?? "every run"
    }

    private static func elsewhere(_ key: any AnyKey) -> String {
        key.synonyms.map { synonym in
            synonym.trainers.isEmpty
                ? synonym.name : "\(synonym.name) (\(synonym.trainers.map(\.title).joined(separator: ", ")))"
        }.joined(separator: ", ")
    }

    /// Text that ends no cell of a table.
    static func cell(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
