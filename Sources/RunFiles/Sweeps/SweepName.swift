import Storage

/// The name of a run by what it has of its own.
enum SweepName {
    /// More makes paths that file systems refuse.
    private static let mostCharacters = 120

    /// `beta=0.1,model_name_or_path=my-model`: one folder's name, of letters that need no quotes.
    static func of(_ settings: [YAMLEntry]) -> String {
        guard !settings.isEmpty else { return "run" }
        let full = settings.map { "\($0.key)=\(word($0.value))" }.joined(separator: ",")
        let safe = String(full.map { isSafe($0) ? $0 : "-" })
        let exact = settings.map { "\($0.key)=\(YAMLText.inline($0.value))" }.joined(separator: ",")
        // What was left out or replaced may have been the difference.
        guard safe != exact || safe.count > mostCharacters else { return safe }
        return "\(safe.prefix(mostCharacters - 7))-\(Digest.of(Array(exact.utf8)).hex.prefix(6))"
    }

    private static func isSafe(_ letter: Character) -> Bool {
        letter.isASCII && (letter.isLetter || letter.isNumber || "._+-=,".contains(letter))
    }

    private static func word(_ value: YAMLValue) -> String {
        guard let text = value.text else { return YAMLText.inline(value) }
        return text.contains("/") ? FileSystem.name(of: text) : text
    }
}
