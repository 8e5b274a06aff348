import Storage

/// The files of a model directory that hold its chat templates and the tokens they name.
struct ChatTemplateFiles {
    let directory: String

    private var configuration: String { "\(directory)/tokenizer_config.json" }

    /// - Throws: `ChatTemplateError`, also when there is no template.
    func templates() throws(ChatTemplateError) -> [(name: String, source: String)] {
        var templates: [(name: String, source: String)] = []
        let single = "\(directory)/chat_template.jinja"
        if FileSystem.exists(single) { templates.append(("default", try text(of: single))) }
        let folder = "\(directory)/additional_chat_templates"
        if FileSystem.exists(folder) {
            let files: [String]
            do { files = try FileSystem.list(folder) } catch { throw .unreadable(error) }
            for file in files.sorted() where file.hasSuffix(".jinja") {
                templates.append((String(file.dropLast(".jinja".count)), try text(of: "\(folder)/\(file)")))
            }
        }
        if !templates.isEmpty { return templates }
        switch try json(configuration)?["chat_template"] {
        case nil, .null?: throw .missing(directory: directory)
        case .string(let source)?: return [("default", source)]
        case .array(let list)?:
            return try list.enumerated().map { place, entry throws(ChatTemplateError) in
                guard let name = entry["name"]?.string, let source = entry["template"]?.string else {
                    throw wrongKind("chat_template[\(place)]", "an object with \"name\" and \"template\"", entry)
                }
                return (name, source)
            }
        case let other?: throw wrongKind("chat_template", "a text or a list of named templates", other)
        }
    }

    /// The named special tokens: the usual seven, and any other name that ends in "_token".
    func specialTokens() throws(ChatTemplateError) -> [(name: String, value: String)] {
        let usual = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]
        let configured = try json(configuration)?.object ?? [:]
        var fields = configured
        if configured["added_tokens_decoder"] == nil {
            for (name, value) in try json("\(directory)/special_tokens_map.json")?.object?.members ?? [] {
                fields[name] = value
            }
        }
        let defaults = try defaultTokens(of: configured)
        var tokens: [(name: String, value: String)] = []
        for name in usual {
            switch fields[name] {
            case nil: if let text = defaults[name] { tokens.append((name, text)) }
            case .null?: break
            case let value?:
                guard let text = value.string ?? value["content"]?.string else {
                    throw wrongKind(name, "a text or an object with \"content\"", value)
                }
                tokens.append((name, text))
            }
        }
        for (name, value) in fields.members where name.hasSuffix("_token") && !usual.contains(name) {
            if let text = value.string ?? (value["__type"] == nil ? nil : value["content"]?.string) {
                tokens.append((name, text))
            }
        }
        for (name, value) in fields["extra_special_tokens"]?.object?.members ?? [] {
            if let text = value.string ?? value["content"]?.string { tokens.append((name, text)) }
        }
        return tokens
    }

    /// The tokens that a tokenizer class has where its files don't say, told by `tokenizer_class`, or else by the model.
    private func defaultTokens(of configured: JSONObject) throws(ChatTemplateError) -> [String: String] {
        let end = "<|endoftext|>"
        let modelType = try json("\(directory)/config.json")?["model_type"]?.string
        switch configured["tokenizer_class"]?.string ?? modelType {
        case "GPT2Tokenizer", "GPT2TokenizerFast", "gpt2":
            return ["bos_token": end, "eos_token": end, "unk_token": end]
        case "GPTNeoXTokenizer", "GPTNeoXTokenizerFast", "gpt_neox":
            return ["bos_token": end, "eos_token": end, "unk_token": end, "pad_token": "<|padding|>"]
        case "Qwen2Tokenizer", "Qwen2TokenizerFast", "qwen2", "qwen3":
            return ["eos_token": end, "unk_token": end, "pad_token": end]
        case "GemmaTokenizer", "GemmaTokenizerFast", "gemma", "gemma2":
            return [
                "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>",
                "mask_token": "<mask>",
            ]
        case "LlamaTokenizer", "LlamaTokenizerFast":
            return ["bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"]
        default: return [:]
        }
    }

    private func wrongKind(_ key: String, _ expected: String, _ found: JSON) -> ChatTemplateError {
        .wrongKind(file: configuration, key: key, expected: expected, found: found.kind)
    }

    private func json(_ path: String) throws(ChatTemplateError) -> JSON? {
        guard FileSystem.exists(path) else { return nil }
        let bytes: [UInt8]
        do { bytes = try FileSystem.read(path) } catch { throw .unreadable(error) }
        do { return try JSON.parse(bytes) } catch { throw .notJSON(file: path, error) }
    }

    private func text(of path: String) throws(ChatTemplateError) -> String {
        do {
            return String(decoding: try FileSystem.read(path), as: UTF8.self)
        } catch {
            throw .unreadable(error)
        }
    }
}
