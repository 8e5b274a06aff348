import Storage
import Yams

/// The entries of a run: the file's, then those of each `--set` in their place. Knows YAML, but no key's meaning.
struct RunFileSource {
    let file: String
    private(set) var entries: [YAMLEntry] = []

    /// - Throws: for text that isn't YAML, and for an `extends` that can't be followed.
    init(yaml: String, file: String) throws(RunFileError) {
        self.file = file
        entries = try Self.entries(of: yaml, file: file, within: [])
    }

    /// The entries of a text, after those of the file that it extends.
    /// - Parameter chain: the files that lead here by `extends`.
    private static func entries(
        of yaml: String, file: String, within chain: [String]
    ) throws(RunFileError) -> [YAMLEntry] {
        let own = try parse(yaml, file: file)
        guard let base = own.first(where: { $0.key == "extends" && !$0.value.isNull }) else {
            return own.filter { $0.key != "extends" }
        }
        guard let path = base.value.text, !path.isEmpty else { throw base.wrong("the path of another run file") }
        let baseFile = path.hasPrefix("/") ? path : FileSystem.join(FileSystem.parent(of: file), path)
        let chain = chain + [FileSystem.resolved(file)]
        guard !chain.contains(FileSystem.resolved(baseFile)) else {
            throw RunFileError(.circle(base.place, path: path))
        }
        let bytes: [UInt8]
        do {
            bytes = try FileSystem.read(baseFile)
        } catch {
            throw RunFileError(.unreadableBase(base.place, path: path, reason: "\(error)"))
        }
        var entries = try entries(of: text(bytes, file: baseFile), file: baseFile, within: chain)
        let given = own.filter { $0.key != "extends" }
        for entry in given {
            let rivals = KeyTable.rivals[entry.key] ?? []
            entries.removeAll { $0.key == entry.key || rivals.contains($0.key) }
        }
        return entries + given
    }

    /// A file's bytes as text.
    static func text(_ bytes: [UInt8], file: String) throws(RunFileError) -> String {
        // What editors of Windows put before a text.
        let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        guard let text = String(validating: content, as: UTF8.self) else {
            let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
            let problem = isUTF16 ? "the file is UTF-16 text; save it as UTF-8" : "the file is not UTF-8 text"
            throw RunFileError(.notYAML(.line(file: file, 1), problem: problem))
        }
        return text
    }

    /// The entries of one text.
    static func parse(_ yaml: String, file: String) throws(RunFileError) -> [YAMLEntry] {
        try refuseBombs(yaml, file: file)
        guard let root = try compose(yaml, { .line(file: file, $0) }) else { return [] }
        var nodes = 0
        let value = try value(of: root, file: file, nodes: &nodes) { .line(file: file, $0) }
        guard let entries = value.map else {
            if value.isNull { return [] }
            throw RunFileError(.notAMapping(.line(file: file, root.mark?.line ?? 1), found: value.found))
        }
        return entries
    }

    /// Puts `key=value` or `key.name=value` in the place of what the file says. An override also takes out the keys of
    /// the file that contradict it, so that `--set max_steps=3` shortens any run.
    mutating func apply(override text: String) throws(RunFileError) {
        guard let equals = text.firstIndex(of: "=") else { throw RunFileError(.malformedOverride(text)) }
        let path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(Self.trimmed)
        guard path.count <= 4, path.allSatisfy({ !$0.isEmpty }) else { throw RunFileError(.malformedOverride(text)) }
        let place = Place.override(text)
        let valueText = String(text[text.index(after: equals)...])
        try Self.refuseBombs(valueText, file: "--set")
        var nodes = 0
        var value = YAMLValue.scalar("", plain: true)
        if let root = try Self.compose(valueText, { _ in place }) {
            value = try Self.value(of: root, file: "--set", nodes: &nodes) { _ in place }
        }
        Self.set(path[...], to: value, in: &entries, place: place)
        let losers = KeyTable.rivals[path[0]] ?? []
        entries.removeAll { entry in
            if case .line = entry.place { losers.contains(entry.key) } else { false }
        }
    }

    /// Puts an entry `key` or `key.name` of another file in the place of what this one says. It takes out the keys that
    /// contradict it, unless the other file gives them as well.
    mutating func apply(_ entry: YAMLEntry) {
        let path = entry.key.split(separator: ".").map(String.init)
        guard let key = path.first else { return }
        Self.set(path[...], to: entry.value, in: &entries, place: entry.place)
        let losers = KeyTable.rivals[key] ?? []
        entries.removeAll { losers.contains($0.key) && !$0.place.isInFile(of: entry.place) }
    }

    /// Without the spaces around it, as YAML reads a key.
    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    private static func set(
        _ path: ArraySlice<String>, to value: YAMLValue, in entries: inout [YAMLEntry], place: Place
    ) {
        guard let key = path.first else { return }
        let index = entries.firstIndex { $0.key == key } ?? entries.count
        if index == entries.count { entries.append(YAMLEntry(key: key, value: .map([]), place: place)) }
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
        _ yaml: String, _ place: (Int) -> Place
    ) throws(RunFileError) -> Node? {
        do {
            return try Parser(yaml: yaml, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw RunFileError(fault(of: error, yaml: yaml, place))
        } catch {
            throw RunFileError(.notYAML(place(1), problem: "\(error)"))
        }
    }

    private static func fault(
        of error: YamlError, yaml: String, _ place: (Int) -> Place
    ) -> RunFileFault {
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
        of node: Node, file: String, nodes: inout Int, _ place: (Int) -> Place
    ) throws(RunFileError) -> YAMLValue {
        nodes += 1
        guard nodes <= mostNodes else {
            throw RunFileError(.tooLarge(file: file, what: "too many values", limit: mostNodes))
        }
        switch node {
        case .scalar(let scalar):
            let plain = scalar.style == .plain || scalar.style == .any
            return .scalar(scalar.string, plain: plain)
        case .sequence(let sequence):
            var list: [YAMLValue] = []
            for item in sequence { list.append(try value(of: item, file: file, nodes: &nodes, place)) }
            return .list(list)
        case .mapping(let mapping):
            var entries: [YAMLEntry] = []
            for (key, item) in mapping {
                let line = key.mark?.line ?? mapping.mark?.line ?? 1
                guard case .scalar(let name) = key else {
                    throw RunFileError(.notYAML(place(line), problem: "a key is a list or a mapping; expected a word"))
                }
                // `beta` and `"beta"` are different nodes to the parser and one key here.
                let twin = entries.first { $0.key == name.string }
                if case .line(_, let firstLine)? = twin?.place {
                    throw RunFileError(.duplicateKey(place(line), key: name.string, firstLine: firstLine))
                }
                entries.append(
                    YAMLEntry(
                        key: name.string, value: try value(of: item, file: file, nodes: &nodes, place),
                        place: place(line)))
            }
            return .map(entries)
        case .alias:
            throw RunFileError(.notYAML(place(1), problem: "an alias without its anchor"))
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
            throw RunFileError(.tooLarge(file: file, what: "\(yaml.utf8.count) bytes", limit: mostBytes))
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
                throw RunFileError(.tooLarge(file: file, what: "too many brackets", limit: mostBrackets))
            }
            guard leading <= mostIndentation else {
                throw RunFileError(.tooLarge(file: file, what: "too deep an indentation", limit: mostIndentation))
            }
            guard aliases <= mostAliases else {
                throw RunFileError(.tooLarge(file: file, what: "too many anchors and aliases", limit: mostAliases))
            }
            previous = byte
        }
    }
}
