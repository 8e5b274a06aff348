/// Recipes that are shell commands: `--key value`, `--key=value` and `--flag`.
enum CommandLineRecipe {
    /// The options of a command; nil for a text without any at the beginning of a word, which is YAML then.
    static func entries(of text: String, file: String) -> [YAMLEntry]? {
        var entries: [YAMLEntry] = []
        var open: (key: String, values: [YAMLValue], line: Int)?
        func finish() {
            guard let option = open else { return }
            let value: YAMLValue =
                option.values.count > 1 ? .list(option.values) : option.values.first ?? .plain("true")
            entries.append(YAMLEntry(key: option.key, value: value, place: .line(file: file, option.line)))
            open = nil
        }
        guard text.contains("--"), !hasYAMLKeys(text) else { return nil }
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            var words = split(line)
            if let comment = words.firstIndex(where: { $0.hasPrefix("#") }) { words.removeSubrange(comment...) }
            let continues = words.last == "\\"
            if continues { words.removeLast() }
            for word in words {
                if let script = OpenRLHFOptions.script(word, at: .line(file: file, number + 1)) {
                    finish()
                    entries.append(script)
                } else if word.hasPrefix("--"), word.count > 2 {
                    finish()
                    let name = word.dropFirst(2)
                    let equals = name.firstIndex(of: "=")
                    let key = name[..<(equals ?? name.endIndex)].map { $0 == "-" ? "_" : $0 }
                    open = (
                        OpenRLHFOptions.flat(String(key)), equals.map { [.plain(String(name[name.index(after: $0)...]))] } ?? [], number + 1
                    )
                } else if open != nil {
                    open?.values.append(.plain(word))
                }
            }
            if !continues { finish() }
        }
        finish()
        return entries.isEmpty ? nil : entries
    }

    /// Whether a line begins with a key: `beta: 0.1`.
    private static func hasYAMLKeys(_ text: String) -> Bool {
        text.split(separator: "\n").contains { line in
            let key = line.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "\"" }
            return !key.isEmpty && (line.dropFirst(key.count).hasPrefix(": ") || line.dropFirst(key.count) == ":")
        }
    }

    /// Words apart by white space, without the quotes around them.
    private static func split(_ line: Substring) -> [String] {
        line.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map { word in
            var word = word
            while let first = word.first, "\"'".contains(first) { word = word.dropFirst() }
            while let last = word.last, "\"'".contains(last) { word = word.dropLast() }
            return String(word)
        }
    }
}
