import Storage

/// A model as Hugging Face's tools save it: `config.json`, and its weights in `model.safetensors` or in shards named
/// by `model.safetensors.index.json`. Weights stay in mapped files, which this value keeps alive.
package struct ModelDirectory: Sendable {
    package let path: String
    /// `config.json`, always an object.
    package let config: JSON
    private let files: [SafetensorsFile]
    /// For each tensor, the file that holds it.
    private let places: [String: Int]

    /// Opens a directory and checks all its headers.
    ///
    /// - Parameter needsWeights: without it, a directory that has only `config.json` is one of no tensors.
    /// - Throws: `CheckpointError.model` when there is nothing to open, with what to do; `.index`, `.safetensors` or
    ///   `.json` for files that are wrong.
    package init(path: String, needsWeights: Bool = true) throws(CheckpointError) {
        guard FileSystem.isDirectory(path) else { throw ModelDirectory.notFound(path) }
        let config = FileSystem.join(path, "config.json")
        guard FileSystem.exists(config) else { throw ModelDirectory.notModel(path) }
        self.path = path
        self.config = try CheckpointError.readObject(config)

        let single = FileSystem.join(path, "model.safetensors")
        let index = FileSystem.join(path, "model.safetensors.index.json")
        if FileSystem.exists(single) {
            let file = try SafetensorsFile(path: single)
            hasIndex = false
            files = [file]
            places = Dictionary(uniqueKeysWithValues: file.names.map { ($0, 0) })
        } else if FileSystem.exists(index) {
            hasIndex = true
            (files, places) = try ModelDirectory.openShards(of: index, in: path)
        } else if !needsWeights {
            hasIndex = false
            (files, places) = ([], [:])
        } else {
            throw ModelDirectory.noWeights(path)
        }
    }

    /// All tensors in the order of their bytes, shard by shard.
    package var tensorNames: [String] { files.flatMap(\.names) }

    /// The files of the weights with their tensors, in the order of the tensors' bytes.
    package var weightFiles: [(name: String, tensors: [TensorView])] {
        files.map { (FileSystem.name(of: $0.path), $0.tensors) }
    }

    /// Whether an index says which file holds which tensor.
    package let hasIndex: Bool

    package func tensor(_ name: String) -> TensorView? { places[name].flatMap { files[$0][name] } }

    /// Lets go of the memory that reading the weights took; they can be read again.
    package func releasePages() {
        for file in files { file.releasePages() }
    }

    /// Stands for what the model computes: `config.json` without the fields that only tell where it came from, and
    /// every tensor's name, type, shape and bytes. How the weights are spread over files doesn't matter. Reads all
    /// weights.
    package func contentDigest() throws(CheckpointError) -> Digest.Value {
        var digest = Digest()
        var meaning = JSONObject()
        for name in (config.object?.names ?? []).sorted() where !ModelDirectory.provenance.contains(name) {
            meaning[name] = config[name]
        }
        digest.update(field: JSON.object(meaning).text)
        for view in files.flatMap(\.tensors).sorted(by: { $0.name < $1.name }) {
            digest.update(field: view.name)
            digest.update(field: "\(view.elementType.rawValue) \(view.shape)")
            digest.update(view.bytes)
        }
        releasePages()
        return digest.finish()
    }

    private static let provenance: Set<String> = ["_name_or_path", "transformers_version"]

    /// A JSON file beside the model whose top is an object.
    package static func readObject(_ path: String) throws(CheckpointError) -> JSON {
        try CheckpointError.readObject(path)
    }

    // MARK: - Files that go along

    /// The names of files that belong to the model but aren't its weights or its shape: tokenizer, chat template,
    /// defaults of generation. To be copied as they are when the model is saved.
    package var companionFiles: [String] {
        let names = (try? FileSystem.list(path)) ?? []
        return names.filter { ModelDirectory.isTokenizerFile($0) || $0 == "generation_config.json" }
    }

    /// The names of a folder's files that a tokenizer consists of, chat template included; the folder needn't hold a model.
    package static func tokenizerFiles(in path: String) -> [String] {
        ((try? FileSystem.list(path)) ?? []).filter(isTokenizerFile)
    }

    private static func isTokenizerFile(_ name: String) -> Bool {
        tokenizerNames.contains(name) || name.hasPrefix("tokenizer") && name.hasSuffix(".json")
    }

    /// Puts a folder's tokenizer into another folder, in place of the one that is there.
    package static func replaceTokenizer(in directory: String, byThatOf source: String) throws(CheckpointError) {
        try CheckpointError.storing { () throws(StorageError) in
            for name in tokenizerFiles(in: directory) { try FileSystem.remove(FileSystem.join(directory, name)) }
            for name in tokenizerFiles(in: source) {
                try FileSystem.copy(FileSystem.join(source, name), to: FileSystem.join(directory, name))
            }
        }
    }

    private static let tokenizerNames: Set<String> = [
        "tokenizer.model", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
        "spiece.model", "sentencepiece.bpe.model", "chat_template.jinja", "chat_template.json",
    ]

    /// Copies the companion files, but for some, into another folder.
    package func copyCompanionFiles(
        to directory: String, but others: Set<String> = []
    ) throws(CheckpointError) {
        for name in companionFiles where !others.contains(name) {
            let (source, target) = (FileSystem.join(path, name), FileSystem.join(directory, name))
            try CheckpointError.storing { () throws(StorageError) in try FileSystem.copy(source, to: target) }
        }
    }

    // MARK: - Opening

    private static func openShards(
        of path: String, in directory: String
    ) throws(CheckpointError) -> ([SafetensorsFile], [String: Int]) {
        guard let map = try CheckpointError.readObject(path)["weight_map"]?.object, !map.isEmpty else {
            throw .index(path: path, reason: "has no \"weight_map\" object that names tensors")
        }
        var files: [SafetensorsFile] = []
        var opened: [String: Int] = [:]
        var places: [String: Int] = [:]
        for (name, value) in map.members {
            guard let shard = value.string, FileSystem.isPlainName(shard) else {
                throw .index(
                    path: path,
                    reason: "tensor \"\(name)\" is said to be in \(value.text), expected the name of a file beside it")
            }
            let place = opened[shard] ?? files.count
            if place == files.count {
                let shardPath = FileSystem.join(directory, shard)
                guard FileSystem.isFile(shardPath) else {
                    throw .index(path: path, reason: "the shard \(shard) (for tensor \"\(name)\") is missing")
                }
                files.append(try SafetensorsFile(path: shardPath))
                opened[shard] = place
            }
            guard files[place][name] != nil else {
                throw .index(path: path, reason: "tensor \"\(name)\" isn't in \(shard)")
            }
            guard places.updateValue(place, forKey: name) == nil else {
                throw .index(path: path, reason: "two tensors are named \"\(name)\"")
            }
        }
        // A tensor in two shards would be read from one of them by us and from the other by somebody else.
        for (place, file) in files.enumerated() {
            if let name = file.names.first(where: { places[$0] != place }) {
                throw .index(
                    path: path,
                    reason: "\(FileSystem.name(of: file.path)) holds tensor \"\(name)\", which the index "
                        + (places[name] == nil ? "doesn't list" : "says is in another shard"))
            }
        }
        return (files, places)
    }

    /// Says what a folder is that was taken for a model's.
    private static func notModel(_ path: String) -> CheckpointError {
        let kind = FolderKind(path)
        return .model(directory: path, reason: kind.words, remedy: kind.remedy(forModel: path))
    }

    private static func notFound(_ path: String) -> CheckpointError {
        if FileSystem.exists(path) {
            return .model(directory: path, reason: "is a file", remedy: "give the model's folder")
        }
        // "organisation/name" may be meant as a model of the hub.
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let mayBeHub = parts.count == 2 && !parts[0].isEmpty && !parts[0].hasPrefix(".") && !parts[1].isEmpty
        return .model(
            directory: path, reason: "no such folder",
            remedy: "check the path"
                + (mayBeHub ? "; a model of the hub is fetched first: hf download \(path) --local-dir \(path)" : ""))
    }

    private static func noWeights(_ path: String) -> CheckpointError {
        let names = (try? FileSystem.list(path)) ?? []
        guard names.contains(where: { $0.hasPrefix("pytorch_model") && $0.contains(".bin") }) else {
            let kind = FolderKind(path)
            if case .foreignCheckpoint = kind { return notModel(path) }
            return .model(
                directory: path, reason: "has neither model.safetensors nor model.safetensors.index.json",
                remedy: "fetch all files of the model")
        }
        return .model(
            directory: path, reason: "has its weights as pytorch_model.bin only, a format that can run code when read",
            remedy: "convert it: python -c \"from transformers import AutoModelForCausalLM as M; "
                + "M.from_pretrained('\(path)').save_pretrained('\(path)', safe_serialization=True)\"")
    }
}
