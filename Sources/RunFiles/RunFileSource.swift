import Yams

/// The entries of a run: the file's, then those of each `--set` in their place. Knows YAML, but no key's meaning.
struct RunFileSource {
    let file: String
    private(set) var entries: [RunFileEntry] = []

    init(yaml: String, file: String) throws(RunFileError) {
        self.file = file
        try Self.refuseBombs(yaml, file: file)
        guard let root = try Self.compose(yaml, { .line(file: file, $0) }) else { return }
        var nodes = 0
        let value = try Self.value(of: root, file: file, nodes: &nodes) { .line(file: file, $0) }
        guard let entries = value.map else {
            if value.isNull { return }
            throw .notAMapping(.line(file: file, root.mark?.line ?? 1), found: value.found)
        }
        self.entries = entries
    }

    /// Puts `key=value` or `key.name=value` in the place of what the file says. An override also takes out the keys of
    /// the file that contradict it, so that `--set max_steps=3` shortens any run.
    mutating func apply(override text: String, rivals: (String) -> [String]) throws(RunFileError) {
        guard let equals = text.firstIndex(of: "=") else { throw .malformedOverride(text) }
        let path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard path.count <= 4, path.allSatisfy({ !$0.isEmpty }) else { throw .malformedOverride(text) }
        let place = RunFilePlace.override(text)
        let valueText = String(text[text.index(after: equals)...])
        try Self.refuseBombs(valueText, file: "--set")
        var nodes = 0
        var value = RunFileValue.scalar("", plain: true)
        if let root = try Self.compose(valueText, { _ in place }) {
            value = try Self.value(of: root, file: "--set", nodes: &nodes) { _ in place }
        }
        Self.set(path[...], to: value, in: &entries, place: place)
        let losers = rivals(path[0])
        entries.removeAll { entry in
            if case .line = entry.place { losers.contains(entry.key) } else { false }
        }
    }

    private static func set(
        _ path: ArraySlice<String>, to value: RunFileValue, in entries: inout [RunFileEntry], place: RunFilePlace
    ) {
        guard let key = path.first else { return }
        let index = entries.firstIndex { $0.key == key } ?? entries.count
        if index == entries.count { entries.append(RunFileEntry(key: key, value: .map([]), place: place)) }
        entries[index].place = place
        if path.count == 1 {
            entries[index].value = value
        } else {
            var inner = entries[index].value.map ?? []
            set(path.dropFirst(), to: value, in: &inner, place: place)
            entries[index].value = .map(inner)
        }
    }

    // MARK: - From YAML

    private static func compose(
        _ yaml: String, _ place: (Int) -> RunFilePlace
    ) throws(RunFileError) -> Node? {
        do {
            return try Parser(yaml: yaml, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw runFileError(error, yaml: yaml, place)
        } catch {
            throw .notYAML(place(1), problem: "\(error)")
        }
    }

    private static func runFileError(
        _ error: YamlError, yaml: String, _ place: (Int) -> RunFilePlace
    ) -> RunFileError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return .notYAML(place(mark.line), problem: "\(problem) (column \(mark.column))")
        case .reader(let problem, let offset, _, _):
            let line = yaml.prefix(offset ?? 0).count { $0.isNewline } + 1
            return .notYAML(place(line), problem: problem)
        case .duplicatedKeysInMapping(let keys, let context):
            let key = keys.first ?? ""
            let first = context.mark.line
            let lines = yaml.split(omittingEmptySubsequences: false) { $0.isNewline }
            let second = lines.indices.dropFirst(first).first {
                let line = lines[$0].drop { " \t\"'{,".contains($0) }
                return line.hasPrefix(key) && line.dropFirst(key.count).first.map { " \t\"':".contains($0) } ?? false
            }
            return .duplicateKey(place(second.map { $0 + 1 } ?? first), key: key, firstLine: first)
        default:
            return .notYAML(place(1), problem: "\(error)")
        }
    }

    /// `nodes` counts what aliases expand to, not what was written.
    private static func value(
        of node: Node, file: String, nodes: inout Int, _ place: (Int) -> RunFilePlace
    ) throws(RunFileError) -> RunFileValue {
        nodes += 1
        guard nodes <= mostNodes else { throw .tooLarge(file: file, what: "too many values", limit: mostNodes) }
        switch node {
        case .scalar(let scalar):
            let plain = scalar.style == .plain || scalar.style == .any
            return .scalar(scalar.string, plain: plain)
        case .sequence(let sequence):
            var list: [RunFileValue] = []
            for item in sequence { list.append(try value(of: item, file: file, nodes: &nodes, place)) }
            return .list(list)
        case .mapping(let mapping):
            var entries: [RunFileEntry] = []
            for (key, item) in mapping {
                let line = key.mark?.line ?? mapping.mark?.line ?? 1
                guard case .scalar(let name) = key else {
                    throw .notYAML(place(line), problem: "a key is a list or a mapping; expected a word")
                }
                // `beta` and `"beta"` are different nodes to the parser and one key here.
                let twin = entries.first { $0.key == name.string }
                if case .line(_, let firstLine)? = twin?.place {
                    throw .duplicateKey(place(line), key: name.string, firstLine: firstLine)
                }
                entries.append(
                    RunFileEntry(
                        key: name.string, value: try value(of: item, file: file, nodes: &nodes, place),
                        place: place(line)))
            }
            return .map(entries)
        case .alias:
            throw .notYAML(place(1), problem: "an alias without its anchor")
        }
    }

    // MARK: - Limits

    static let mostBytes = 262_144
    static let mostNodes = 10_000
    static let mostBrackets = 256
    static let mostIndentation = 128
    static let mostAliases = 16

    /// The parser recurses for each level and hashes what aliases expand to, so both are bounded before it starts.
    /// Counted from the text alone, quotes and comments included: an honest run file is nowhere near.
    private static func refuseBombs(_ yaml: String, file: String) throws(RunFileError) {
        guard yaml.utf8.count <= mostBytes else {
            throw .tooLarge(file: file, what: "\(yaml.utf8.count) bytes", limit: mostBytes)
        }
        var open = 0
        var aliases = 0
        var leading = 0
        var atStart = true
        var previous = UInt8(ascii: "\n")
        for byte in yaml.utf8 {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                atStart = true
                leading = 0
            // Each of these can open a level in front of a line's first word.
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"):
                if atStart { leading += 1 }
            default:
                atStart = false
            }
            // Never counted down: a closing bracket may stand in quotes.
            if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { open += 1 }
            if byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*"), " \t\r\n-?:,[{".utf8.contains(previous) {
                aliases += 1
            }
            guard open <= mostBrackets else {
                throw .tooLarge(file: file, what: "too many brackets", limit: mostBrackets)
            }
            guard leading <= mostIndentation else {
                throw .tooLarge(file: file, what: "too deep an indentation", limit: mostIndentation)
            }
            guard aliases <= mostAliases else {
                throw .tooLarge(file: file, what: "too many anchors and aliases", limit: mostAliases)
            }
            previous = byte
        }
    }
}
