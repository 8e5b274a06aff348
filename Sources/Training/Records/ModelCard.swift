import Machine
import Modeling
import Objectives
import RunFiles
import Storage

/// `final/README.md`: what a model is and how it was made, in the form that the Hugging Face hub reads.
struct ModelCard {
    static let fileName = "README.md"

    let text: String

    /// - Parameters:
    ///   - step: whose weights these are.
    ///   - evaluations: rows of `metrics.jsonl`.
    init(_ run: TrainingRun, folder: String, step: Int, evaluations: [JSON]) {
        let name = FileSystem.name(of: FileSystem.resolved(folder))
        func row(of step: Int) -> JSON? { evaluations.last { $0["step"]?.integer == step } }
        let (before, after) = (row(of: 0), row(of: step))
        let head = Self.head(run, name: name, figures: after)
        var parts = ["---", head, "---", "", "# \(name)", ""]
        parts.append(Self.introduction(run, step: step))
        parts += ["", "## Held-out figures", ""] + Self.figures(run, before, after)
        parts += ["", "## How to load it", ""] + Self.loading(run)
        parts += ["", "## How it was made", ""] + Self.making(run)
        parts += ["", "All keys of the run:", "", "```yaml", run.file.resolved().trimmedEnd, "```", ""]
        text = parts.joined(separator: "\n")
    }

    // MARK: - The head that programs read

    private static func head(_ run: TrainingRun, name: String, figures: JSON?) -> String {
        let objective = run.file.objective
        let isAdapter = run.policy.frozen != nil
        var lines = [
            "library_name: \(isAdapter ? "peft" : "transformers")",
            "pipeline_tag: \(objective.readsRewards ? "text-classification" : "text-generation")",
        ]
        if let base = hubName(ofModelIn: run.policy.source.base) { lines.append("base_model: \(quoted(base))") }
        lines += ["tags:", "- swift-prefopt"] + objective.lossTypes.map { "- \(quoted($0))" }
        if isAdapter { lines.append("- lora") }
        let metrics: [(type: String, name: String, key: String)] = [
            ("accuracy", "Reward accuracy", "eval_rewards/accuracies"), ("loss", "Loss", "eval_loss"),
            ("perplexity", "Perplexity", "eval_perplexity"),
        ]
        let known = metrics.compactMap { metric in figures?[metric.key]?.double.map { (metric, $0) } }
        guard !known.isEmpty else { return lines.joined(separator: "\n") }
        lines += [
            "model-index:", "- name: \(quoted(name))", "  results:", "  - task:",
            "      type: \(objective.readsRewards ? "text-classification" : "text-generation")", "    dataset:",
            "      name: \(quoted(evalFiles(run)))", "      type: held-out", "    metrics:",
        ]
        for (metric, value) in known {
            lines += ["    - type: \(metric.type)", "      name: \(metric.name)", "      value: \(fixed(value, 6))"]
        }
        return lines.joined(separator: "\n")
    }

    /// The hub's name, `owner/name`, of a model that was loaded from a folder: that of the hub's cache, or the one that
    /// its config tells; nil if neither does.
    private static func hubName(ofModelIn folder: String) -> String? {
        let parts = folder.split(separator: "/")
        if let cached = parts.last(where: { $0.hasPrefix("models--") })?.dropFirst("models--".count) {
            let name = String(cached).replacing("--", with: "/", maxReplacements: 1)
            if isHubName(name) { return name }
        }
        let config = try? JSON.parse(FileSystem.read(FileSystem.join(folder, "config.json")))
        return config?["_name_or_path"]?.string.flatMap { isHubName($0) ? $0 : nil }
    }

    private static func isHubName(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                !part.isEmpty && !part.hasPrefix(".") && !part.hasSuffix(".")
                    && part.utf8.allSatisfy { byte in
                        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-_.".utf8.contains(byte)
                    }
            }
    }

    /// JSON's strings are YAML's.
    private static func quoted(_ text: String) -> String { JSON.string(text).text }

    private static func evalFiles(_ run: TrainingRun) -> String {
        run.file.data.evalFiles.map { FileSystem.name(of: $0.path) }.joined(separator: ", ")
    }

    // MARK: - The text that people read

    private static func introduction(_ run: TrainingRun, step: Int) -> String {
        let what = run.policy.frozen == nil ? "A model" : "Adapters (\(run.adapterText))"
        return "\(what) trained from `\(run.policy.source.base)` (\(run.policy.architecture.family.name)) on preference data by "
            + "swift-prefopt \(programVersion). Objective: \(run.file.objective). These are the weights after step \(step) of "
            + "\(run.totalSteps)."
    }

    private static func figures(_ run: TrainingRun, _ before: JSON?, _ after: JSON?) -> [String] {
        guard let after = after?.object else { return ["This run had no held-out data, or these weights weren't evaluated."] }
        let count = after["eval_pairs"]?.integer ?? 0
        var lines = ["Means over \(count) judgements of \(evalFiles(run)).", "", "| metric | before | after |", "|---|---|---|"]
        for (name, value) in after.members where name.hasPrefix("eval_") {
            guard let number = value.double, !["eval_pairs", "eval_seconds"].contains(name) else { continue }
            let first = before?[name]?.double.map { fixed($0, 4) } ?? "–"
            lines.append("| \(name.dropFirst(5)) | \(first) | \(fixed(number, 4)) |")
        }
        return lines
    }

    private static func loading(_ run: TrainingRun) -> [String] {
        if !run.file.sampledObjectives.isEmpty {
            return [
                "These are adapters for any weights of \(run.file.sampledObjectives.joined(separator: ", ")), which PEFT "
                    + "doesn't read. `swift-prefopt merge --weights … --as-adapter` makes a plain adapter of the weights that you want."
            ]
        }
        if run.policy.frozen != nil {
            return [
                "```python", "from peft import PeftModel", "from transformers import AutoModelForCausalLM", "",
                "base = AutoModelForCausalLM.from_pretrained(\(quoted(run.policy.source.base)))",
                "model = PeftModel.from_pretrained(base, \".\")  # this folder", "```",
            ]
        }
        let loader =
            run.file.objective.readsRewards ? "AutoModelForSequenceClassification" : "AutoModelForCausalLM"
        return [
            "```python", "from transformers import \(loader), AutoTokenizer", "",
            "model = \(loader).from_pretrained(\".\")  # this folder",
            "tokenizer = AutoTokenizer.from_pretrained(\".\")", "```",
        ]
    }

    private static func making(_ run: TrainingRun) -> [String] {
        let world = run.communicator.size
        var lines = [
            "- steps: \(run.totalSteps) of \(run.planner.settings.globalBatchSize) judgements, over "
                + "\(run.train.set.judgements.count)",
            "- ranks: \(world), with \(run.threads) threads each, at \(run.cpuLevels.joined(separator: " and "))",
            "- training data: \(run.file.data.trainFiles.map(\.path).joined(separator: ", ")) "
                + "(digest of its tokens `\(run.train.set.digest().hex)`)",
        ]
        if let evaluation = run.evaluation {
            lines.append(
                "- held-out data: \(run.file.data.evalFiles.map(\.path).joined(separator: ", ")) "
                    + "(digest of its tokens `\(evaluation.set.digest().hex)`)")
        }
        if let digest = run.digests.base { lines.append("- digest of the weights it began with: `\(digest.hex)`") }
        lines.append("- reference: \(run.referenceText)")
        lines.append("- swift-prefopt \(programVersion), commit \(programCommit)")
        return lines
    }
}

extension String {
    /// Without line breaks at its end.
    fileprivate var trimmedEnd: String {
        var text = self
        while text.hasSuffix("\n") { text.removeLast() }
        return text
    }
}
