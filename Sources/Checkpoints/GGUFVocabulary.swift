import Storage

/// A folder's tokenizer as llama.cpp's files hold it: pieces with their kinds, merges or scores, special ids, the chat
/// template.
package struct GGUFVocabulary {
    package private(set) var values: [(name: String, value: GGUFFile.Value)] = []
    /// Notes on what llama.cpp will do otherwise than the tokenizer.
    package private(set) var notes: [String] = []

    /// The kinds of pieces, by their numbers in files.
    private enum Kind: Int32 {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    /// - Parameters:
    ///   - directory: the model's folder; without a tokenizer.json the file says that there is no vocabulary.
    ///   - config: its `config.json`.
    ///   - size: V; ids without a piece are filled up.
    /// - Throws: `CheckpointError.model` for a tokenizer that llama.cpp has no kind for.
    package init(directory: String, config: JSON, size: Int) throws(CheckpointError) {
        let path = FileSystem.join(directory, "tokenizer.json")
        guard FileSystem.exists(path) else {
            values = [("tokenizer.ggml.model", .string("none"))]
            notes = ["\(directory) has no tokenizer.json; the file will have no vocabulary"]
            return
        }
        let tokenizer = try CheckpointError.readObject(path)
        let settingsPath = FileSystem.join(directory, "tokenizer_config.json")
        let settings: JSON =
            FileSystem.exists(settingsPath) ? try CheckpointError.readObject(settingsPath) : [:]
        guard let model = tokenizer["model"], model["type"]?.string ?? "BPE" == "BPE",
            let vocabulary = model["vocab"]?.object
        else {
            throw .model(
                directory: directory,
                reason: "its tokenizer is of the kind \(tokenizer["model"]?["type"]?.text ?? "unknown")",
                remedy: "GGUF files are written for BPE tokenizers only")
        }
        let added = tokenizer["added_tokens"]?.array ?? []
        var pieces = [String?](repeating: nil, count: size)
        var kinds = [Kind](repeating: .unused, count: size)
        for (piece, id) in vocabulary.members {
            guard let id = id.integer, pieces.indices.contains(id) else { continue }
            (pieces[id], kinds[id]) = (piece, .normal)
        }
        let bySentencePieces = model["byte_fallback"]?.bool ?? false
        if bySentencePieces {
            for id in pieces.indices where pieces[id].map(GGUFVocabulary.isByte) == true { kinds[id] = .byte }
            if let unknown = model["unk_token"]?.string, let id = vocabulary[unknown]?.integer,
                kinds.indices.contains(id)
            {
                kinds[id] = .unknown
            }
        }
        var ids: [String: Int] = [:]
        for token in added {
            guard let id = token["id"]?.integer, let text = token["content"]?.string else { continue }
            ids[text] = id
            guard pieces.indices.contains(id) else { continue }
            pieces[id] = text
            if kinds[id] != .unknown {
                kinds[id] = token["special"]?.bool ?? false ? .control : .userDefined
            }
        }
        let merges = GGUFVocabulary.merges(model["merges"])

        values.append(("tokenizer.ggml.model", .string(bySentencePieces ? "llama" : "gpt2")))
        values.append(("tokenizer.ggml.pre", .string(bySentencePieces ? "default" : splitting(tokenizer))))
        values.append(
            ("tokenizer.ggml.tokens", .strings(pieces.enumerated().map { $1 ?? "[PAD\($0)]" })))
        values.append(("tokenizer.ggml.token_type", .int32s(kinds.map(\.rawValue))))
        if bySentencePieces {
            values.append(("tokenizer.ggml.scores", .float32s(GGUFVocabulary.scores(pieces, kinds, merges))))
            values.append(("tokenizer.ggml.add_space_prefix", .bool(GGUFVocabulary.prependsSpace(tokenizer))))
        } else {
            values.append(
                ("tokenizer.ggml.merges", .strings(merges.map { GGUFVocabulary.joined($0) })))
        }
        addSpecial(settings, config, ids, vocabulary)
        try addChatTemplate(settings, directory)
    }

    // MARK: - Pieces

    /// `<0x0A>`
    private static func isByte(_ piece: String) -> Bool {
        piece.utf8.count == 6 && piece.hasPrefix("<0x") && piece.hasSuffix(">")
    }

    /// Pairs, from either spelling.
    private static func merges(_ value: JSON?) -> [(String, String)] {
        (value?.array ?? []).compactMap { merge in
            if let pair = merge.array, pair.count == 2, let first = pair[0].string, let second = pair[1].string {
                return (first, second)
            }
            guard let text = merge.string, let space = text.firstIndex(of: " ") else { return nil }
            return (String(text[..<space]), String(text[text.index(after: space)...]))
        }
    }

    /// A pair with a space between; spaces within go by the byte alphabet's sign for them.
    private static func joined(_ pair: (String, String)) -> String {
        [pair.0, pair.1].map { $0.split(separator: " ", omittingEmptySubsequences: false).joined(separator: "Ġ") }
            .joined(separator: " ")
    }

    /// llama.cpp joins the neighbours whose piece has the highest score: the earlier a merge, the higher.
    private static func scores(_ pieces: [String?], _ kinds: [Kind], _ merges: [(String, String)]) -> [Float] {
        var ranks: [String: Int] = [:]
        for (rank, pair) in merges.enumerated() where ranks[pair.0 + pair.1] == nil { ranks[pair.0 + pair.1] = rank }
        return pieces.indices.map { id in
            switch kinds[id] {
            case .normal: Float(-(pieces[id].flatMap { ranks[$0] } ?? merges.count))
            case .unused: -10_000
            default: -1000
            }
        }
    }

    private static func prependsSpace(_ tokenizer: JSON) -> Bool {
        let normalizers = tokenizer["normalizer"].map { $0["normalizers"]?.array ?? [$0] } ?? []
        if normalizers.contains(where: { $0["type"] == "Prepend" }) { return true }
        let splitters = tokenizer["pre_tokenizer"].map { $0["pretokenizers"]?.array ?? [$0] } ?? []
        return splitters.contains { splitter in
            guard splitter["type"] == "Metaspace" else { return false }
            if let scheme = splitter["prepend_scheme"]?.string { return scheme != "never" }
            return splitter["add_prefix_space"]?.bool ?? true
        }
    }

    /// llama.cpp's name for the way words are split before merging.
    private mutating func splitting(_ tokenizer: JSON) -> String {
        let splitters = tokenizer["pre_tokenizer"].map { $0["pretokenizers"]?.array ?? [$0] } ?? []
        let pattern = splitters.compactMap { $0["pattern"]?["Regex"]?.string }.first
        let digits = splitters.contains { $0["type"] == "Digits" && $0["individual_digits"] == true }
        switch pattern {
        case nil where digits: return "smollm"
        case nil where splitters.contains(where: { $0["type"] == "ByteLevel" }): return "gpt-2"
        case let pattern?
        where pattern.hasPrefix("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"):
            return tokenizer["model"]?["ignore_merges"] == true ? "llama-bpe" : "dbrx"
        case let pattern? where pattern.hasPrefix("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"):
            return "qwen2"
        default:
            notes.append(
                "llama.cpp has no name for this tokenizer's way of splitting words; its default may give other ids")
            return "default"
        }
    }

    // MARK: - Special ids and the chat template

    private mutating func addSpecial(
        _ settings: JSON, _ config: JSON, _ added: [String: Int], _ vocabulary: JSONObject
    ) {
        for (key, name) in [
            ("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("sep", "seperator"), ("pad", "padding"),
        ] {
            let token = settings["\(key)_token"]
            let text = token?.string ?? token?["content"]?.string
            let listed = config["\(key)_token_id"]
            let id =
                text.flatMap { added[$0] ?? vocabulary[$0]?.integer } ?? listed?.integer
                ?? listed?.array?.first?.integer
            if let id, id >= 0 { values.append(("tokenizer.ggml.\(name)_token_id", .uint32(id))) }
            if let adds = settings["add_\(key)_token"]?.bool {
                values.append(("tokenizer.ggml.add_\(key)_token", .bool(adds)))
            }
        }
    }

    private mutating func addChatTemplate(_ settings: JSON, _ directory: String) throws(CheckpointError) {
        let file = FileSystem.join(directory, "chat_template.jinja")
        if FileSystem.exists(file) {
            let bytes = try CheckpointError.storing { () throws(StorageError) in try FileSystem.read(file) }
            values.append(("tokenizer.chat_template", .string(String(decoding: bytes, as: UTF8.self))))
            return
        }
        guard let template = settings["chat_template"] else { return }
        if let text = template.string { return values.append(("tokenizer.chat_template", .string(text))) }
        var others: [String] = []
        for entry in template.array ?? [] {
            guard let name = entry["name"]?.string, let text = entry["template"]?.string else { continue }
            if name == "default" {
                values.append(("tokenizer.chat_template", .string(text)))
            } else {
                others.append(name)
                values.append(("tokenizer.chat_template.\(name)", .string(text)))
            }
        }
        if !others.isEmpty { values.append(("tokenizer.chat_templates", .strings(others))) }
    }
}
