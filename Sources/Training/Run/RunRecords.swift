import Checkpoints
import Machine
import Modeling
import Preferences
import Storage

extension TrainingRun {
    /// The weights that are trained beside frozen ones, in words.
    var adapterText: String {
        guard case .adapters(let adaptation) = trained.table.trainable, !adaptation.config.objectives.isEmpty else {
            return plainAdapterText
        }
        return plainAdapterText
            + ", a part for each of \(adaptation.config.objectives.joined(separator: ", ")) and one for all weights"
    }

    private var plainAdapterText: String {
        let base = file.adapters.quantization == .none ? "" : ", on a base in \(file.adapters.quantization.rawValue)"
        guard let path = policy.source.adapter else { return file.adapters.text + base }
        guard case .adapters(let adaptation) = trained.table.trainable, adaptation.config.loraDropout > 0,
            file.adapters.disablesDropout
        else { return "those of \(path)\(base)" }
        return "those of \(path)\(base), their dropout of \(adaptation.config.loraDropout) off"
    }

    /// Which model the policy is compared with, in words.
    var referenceText: String {
        guard file.needsReferenceLogps else {
            return "none: \(file.objective.lossTypes.joined(separator: ", ")) needs none"
        }
        return Reference(of: file, initial: policy).text
    }

    var saveType: SaveType {
        switch file.machine.saveFormat {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .float16: .float16
        }
    }

    /// Writes the model's folder, as other tools load it, from values of the trained vector.
    ///
    /// - Returns: the checksums of its files of tensors.
    func writeModel(_ values: UnsafePointer<Float>, to directory: String) throws -> Checksums {
        let sums = try policy.save(values, to: directory, as: saveType)
        // The base's is there already.
        if tokenizerPath != policy.source.base {
            try ModelDirectory.replaceTokenizer(in: directory, byThatOf: tokenizerPath)
        }
        return sums
    }

    /// Says what can be done with the result, as commands to be copied.
    func nextLines(after directory: String) -> [String] {
        let result = FileSystem.join(directory, "final")
        let model = policy.frozen == nil ? result : "\(policy.source.base) --adapter \(result)"
        if !file.sampledObjectives.isEmpty {
            let command = AdapterConfig.mergeCommand(
                of: file.sampledObjectives, adapter: result, model: policy.source.base)
            return ["next: \(command) makes the adapter of any weights"]
        }
        var lines = ["next: swift-prefopt generate --model \(model) --prompts FILE --output FILE.jsonl"]
        if evaluation != nil {
            lines.append(
                "      swift-prefopt evaluate \(FileSystem.join(directory, "run.yaml")) --model \(result)")
        }
        if policy.frozen != nil {
            lines.append("      swift-prefopt merge --model \(model) --output DIR makes one model of the two")
        }
        return lines
    }

    /// The facts on what was run, on what data and models, for the manifest. For rank 0, which knows the digests.
    func facts() throws -> JSONObject {
        var models = JSONObject()
        models[policy.source.base] = digests.base.map { .string($0.hex) }
        if let path = policy.source.adapter { models[path] = digests.adapter.map { .string($0.hex) } }
        for (path, digest) in digests.named.sorted(by: { $0.key < $1.key }) { models[path] = .string(digest.hex) }
        var data: JSONObject = ["train": .string(train.set.digest().hex)]
        if let evaluation { data["eval"] = .string(evaluation.set.digest().hex) }
        var facts: JSONObject = [
            "version": .string(programVersion), "world_size": .integer(communicator.size),
            "threads_per_rank": .integer(threads),
            "cpu_levels": .array(cpuLevels.map { .string($0) }),
            "seed": .integer(Int(clamping: file.data.seed)), "steps": .integer(totalSteps),
            "pairs": .integer(train.set.judgements.count),
            "global_batch_size": .integer(planner.settings.globalBatchSize),
            "data": .object(data), "models": .object(models),
        ]
        let tokenizer = FileSystem.join(tokenizerPath, "tokenizer.json")
        if FileSystem.exists(tokenizer) {
            facts["tokenizer"] = .string(Digest.of(try FileSystem.read(tokenizer)).hex)
        }
        return facts
    }
}
