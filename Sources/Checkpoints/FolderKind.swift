import Storage

/// The kind of a folder by its files, for the message where another kind was wanted: it says what to give instead.
package enum FolderKind: Equatable, Sendable {
    /// A model as Hugging Face's tools save it.
    case model
    /// An adapter in PEFT's layout. With the base that it names.
    case adapter(base: String?)
    /// The output folder of a run of this program: its finished model, its newest checkpoint.
    case run(final: String?, newest: String?)
    /// The result that this program saved at the end of a run: a model or an adapter without the trainer's state.
    case final
    /// A checkpoint of this program.
    case checkpoint
    /// A folder that looks like one, but lacks the list of checksums that completes it, or has a damaged one.
    case incomplete
    /// A checkpoint of another program, by that program's name.
    case foreignCheckpoint(of: String)
    /// A folder with checkpoints of another program, the newest of them.
    case foreignRun(newest: String)
    /// The hub's cache of a model: the folder in it that the files are seen in.
    case hubCache(snapshot: String)
    /// Weights in a format that isn't read.
    case otherFormat(String)
    case tokenizerOnly
    /// Only a folder within holds a model.
    case parent(of: String)
    case empty
    case unknown

    package init(_ path: String) {
        let names = ((try? FileSystem.list(path)) ?? []).filter { !$0.hasPrefix(".") }
        func has(_ name: String) -> Bool { names.contains(name) }
        func place(_ name: String) -> String { FileSystem.join(path, name) }
        let isOwn = has(Checksums.fileName) && (try? Checksums(reading: path)) != nil
        let checkpoints = FolderKind.steps(names).map { place("checkpoint-\($0)") }

        if isOwn {
            self = has("trainer_state.json") ? .checkpoint : .final
        } else if has("run.yaml"), has("final") || has("metrics.jsonl") || !checkpoints.isEmpty {
            let own = checkpoints.filter { CheckpointFolder.isOwn($0) }
            self = .run(final: has("final") ? place("final") : nil, newest: own.last)
        } else if has("trainer_state.json"), has("optimizer.safetensors") {
            self = .incomplete
        } else if let program = FolderKind.program(names) {
            self = .foreignCheckpoint(of: program)
        } else if has(AdapterConfig.fileName), !has("config.json") {
            self = .adapter(
                base: (try? CheckpointError.readObject(place(AdapterConfig.fileName)))?["base_model_name_or_path"]?
                    .string)
        } else if has("config.json") {
            self = .model
        } else if has("snapshots"), let snapshot = (try? FileSystem.list(place("snapshots")))?.last {
            self = .hubCache(snapshot: FileSystem.join(place("snapshots"), snapshot))
        } else if let newest = checkpoints.last {
            self = .foreignRun(newest: newest)
        } else if names.contains(where: { $0.hasSuffix(".gguf") }) {
            self = .otherFormat("GGUF")
        } else if names.contains(where: { $0.hasPrefix("consolidated.") && $0.hasSuffix(".pth") }) {
            self = .otherFormat("Meta's own format")
        } else if names.contains(where: { $0.hasSuffix(".onnx") }) {
            self = .otherFormat("ONNX")
        } else if has("tokenizer.json") || has("tokenizer.model"),
            !names.contains(where: { $0.hasSuffix(".safetensors") })
        {
            self = .tokenizerOnly
        } else {
            let within = names.map(place).filter { FileSystem.exists(FileSystem.join($0, "config.json")) }
            self = names.isEmpty ? .empty : within.count == 1 ? .parent(of: within[0]) : .unknown
        }
    }

    /// N of every `checkpoint-N`, rising.
    private static func steps(_ names: [String]) -> [Int] {
        names.compactMap { $0.hasPrefix("checkpoint-") ? Int($0.dropFirst("checkpoint-".count)) : nil }.sorted()
    }

    /// The program that keeps such files beside a model to go on from it.
    private static func program(_ names: [String]) -> String? {
        if names.contains("zero_to_fp32.py") || names.contains(where: { $0.hasPrefix("global_step") }) {
            return "DeepSpeed"
        }
        if names.contains(where: { $0.hasPrefix("pytorch_model_fsdp") || $0.hasPrefix("optimizer_0") }) {
            return "FSDP"
        }
        if names.contains("trainer_state.json") || names.contains("optimizer.pt") { return "transformers' Trainer" }
        return nil
    }

    /// The model that a run's folder stands for where a model is wanted, as far as it is there.
    package var finalModel: String? {
        if case .run(let final, _) = self { final } else { nil }
    }

    // MARK: - Words

    /// The folder's kind in words: "is …".
    package var words: String {
        switch self {
        case .model: "is a model"
        case .adapter(let base): "is an adapter" + (base.map { " on \($0)" } ?? "") + ", not a whole model"
        case .run: "is the output folder of a run"
        case .final: "is what a run saved at its end, without a trainer's state"
        case .checkpoint: "is a checkpoint of this program"
        case .incomplete: "is a checkpoint that isn't complete"
        case .foreignCheckpoint(let program): "is a checkpoint of another program (\(program))"
        case .foreignRun: "holds checkpoints of another program"
        case .hubCache: "is the hub's cache"
        case .otherFormat(let format): "has its weights in \(format), which isn't read"
        case .tokenizerOnly: "has a tokenizer, but neither config.json nor weights"
        case .parent: "has no config.json itself"
        case .empty: "is empty"
        case .unknown: "has no config.json"
        }
    }

    /// The advice on what to give for a model in place of a folder that isn't one.
    package func remedy(forModel path: String) -> String {
        switch self {
        case .adapter(let base):
            "merge it into its model first: swift-prefopt merge --model \(base ?? "MODEL") --adapter \(path) --output DIR"
        case .run(let final?, _): "give its trained model, \(final)"
        case .run(nil, let newest?): "it hasn't ended yet; give \(newest)"
        case .run: "nothing is saved in it yet"
        case .foreignRun(let newest): "give one of them, \(newest)"
        case .hubCache(let snapshot): "give \(snapshot)"
        case .foreignCheckpoint: "save its model with save_pretrained, and give that folder"
        case .parent(let within): "give \(within)"
        case .otherFormat: "give the same model as Hugging Face's safetensors"
        case .model, .final, .checkpoint, .incomplete, .tokenizerOnly, .empty, .unknown:
            "expected a Hugging Face model directory; fetch all files of the model"
        }
    }

    /// The remedy for a folder that isn't an adapter where one is wanted; nil where the folder says nothing of it.
    package var remedyForAdapter: String? {
        switch self {
        case .run(let final?, _): "give what it trained, \(final)"
        case .run(nil, let newest?): "it hasn't ended yet; give \(newest)"
        case .foreignRun(let newest): "give one of them, \(newest)"
        case .hubCache(let snapshot): "give \(snapshot)"
        default: nil
        }
    }

    /// The advice on what to give to go on from, in place of a folder that isn't a checkpoint of this program.
    package func remedy(forResuming path: String) -> String {
        let anew = "its weights can be trained further, by a new run: model_name_or_path: "
        return switch self {
        case .run(_, let newest?):
            "give one of its checkpoints, \(newest); with output_dir: \(path), --resume auto does so"
        case .run: "it has no checkpoint yet; start it with output_dir: \(path) and --resume never"
        case .foreignRun(let newest): anew + newest
        case .hubCache(let snapshot): anew + snapshot
        case .parent(let within): anew + within
        case .model, .final, .foreignCheckpoint, .adapter: anew + path
        case .incomplete: "use an older checkpoint"
        case .checkpoint, .otherFormat, .tokenizerOnly, .empty, .unknown:
            "give a checkpoint-<step> folder of this program, or --resume auto"
        }
    }
}
