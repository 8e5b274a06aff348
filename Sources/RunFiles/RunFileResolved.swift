import Checkpoints
import Preferences

extension RunFile {
    /// The complete run as YAML, every default written out: for `output_dir/run.yaml`. Reading it gives an equal run.
    ///
    /// A key that this run leaves empty is null; one that it may not have (another objective's, a contradictory one)
    /// isn't there.
    package func resolved() -> String {
        var text = ResolvedText()
        write(model, data, to: &text)
        writeObjective(to: &text)

        text.section("size of a step")
        switch batch.size {
        case .global(let pairs):
            text.line("global_batch_size", pairs)
        case .perDevice(let pairs, let accumulation):
            text.line("per_device_train_batch_size", pairs)
            text.line("gradient_accumulation_steps", accumulation)
        }
        if let tokens = batch.microBatchTokens { text.line("micro_batch_tokens", tokens) }

        text.section("length")
        switch duration {
        case .epochs(let epochs): text.line("num_train_epochs", epochs)
        case .steps(let steps): text.line("max_steps", steps)
        }

        writeOptimizer(to: &text)
        writeRecords(to: &text)
        return text.yaml
    }

    private func write(_ model: Model, _ data: Data, to text: inout ResolvedText) {
        text.section("model")
        text.line("model_name_or_path", model.path)
        if objective.needsReference { text.line("ref_model_name_or_path", model.referencePath) }
        text.line("tokenizer_name_or_path", model.tokenizerPath)
        text.line("output_dir", model.outputDirectory)

        text.section("data")
        text.files("train_file", data.trainFiles)
        text.files("eval_file", data.evalFiles)
        text.line("prompt_column", data.mapping.promptColumn)
        text.line("chosen_column", data.mapping.chosenColumn)
        if objective.needsRejected { text.line("rejected_column", data.mapping.rejectedColumn) }
        text.line("max_length", data.maxLength)
        text.line("truncation", data.truncation.rawValue)
        text.line("append_eos", data.appendEOS)
        text.line("shuffle", data.shuffle)
        text.line("seed", Int(data.seed))
    }

    private func writeObjective(to text: inout ResolvedText) {
        text.section("objective")
        let names = objective.lossTypes
        if names.count == 1 {
            text.line("loss_type", names[0])
        } else {
            text.list("loss_type", names)
            text.numbers("loss_weights", objective.terms.map(\.weight))
        }
        for constant in objective.declared {
            switch objective.constants[constant.name] {
            case .number(let number): text.line(constant.name, number)
            case .word(let word): text.line(constant.name, word)
            case nil: break
            }
        }
        guard let margins else { return }
        text.line("preference_name", margins.preferenceName)
        text.map(
            "weights",
            [(margins.preferenceName, RunFileText.number(objective.constants.preferenceWeight))]
                + margins.rewards.map { ($0.name, RunFileText.number($0.weight)) })
        text.map("margins", margins.rewards.map { ($0.name, "{\(Self.yaml($0.source))}") })
    }

    private static func yaml(_ source: MarginSource) -> String {
        switch source {
        case .column(let name): "column: \(RunFileText.string(name))"
        case .model(let path, let beta): "model: \(RunFileText.string(path)), beta: \(RunFileText.number(beta))"
        case .length(let factor): "length: \(RunFileText.number(factor))"
        }
    }

    private func writeOptimizer(to text: inout ResolvedText) {
        text.section("optimizer")
        text.line("optim", optimizer.kind.rawValue)
        text.line("learning_rate", optimizer.learningRate)
        text.line("lr_scheduler_type", optimizer.schedule.rawValue)
        switch optimizer.warmup {
        case .steps(let steps): text.line("warmup_steps", steps)
        case .ratio(let ratio): text.line("warmup_ratio", ratio)
        }
        text.line("weight_decay", optimizer.weightDecay)
        if optimizer.kind.isAdam {
            text.line("adam_beta1", optimizer.adamBeta1)
            text.line("adam_beta2", optimizer.adamBeta2)
            text.line("adam_epsilon", optimizer.adamEpsilon)
        }
        text.line("max_grad_norm", optimizer.maxGradNorm ?? 0)
        writeAdapters(to: &text)
    }

    private func writeAdapters(to text: inout ResolvedText) {
        text.section("adapters")
        if let areUsed = adapters.areUsed { text.line("use_peft", areUsed) }
        text.line("adapter_name_or_path", adapters.path)
        if adapters.quantization != .none { text.line(adapters.quantization.key, true) }
        guard adapters.areUsed == true, adapters.path == nil else { return }
        text.line("lora_r", adapters.rank)
        text.line("lora_alpha", adapters.alpha)
        text.line("lora_dropout", adapters.dropout)
        switch adapters.targets {
        case .allLinear: text.line("lora_target_modules", AdapterTargets.allLinearName)
        case .named(let names): text.list("lora_target_modules", names)
        case .pattern, nil: break
        }
        if !adapters.savedModules.isEmpty { text.list("modules_to_save", adapters.savedModules) }
        text.line("use_rslora", adapters.usesRSLoRA)
        text.line("use_dora", adapters.usesDoRA)
        switch adapters.initialization {
        case .gaussian: text.line("init_lora_weights", "gaussian")
        case .standard, .random: text.line("init_lora_weights", adapters.initialization == .standard)
        }
    }

    private func writeRecords(to text: inout ResolvedText) {
        text.section("records")
        text.line("logging_steps", records.loggingSteps)
        text.line("eval_steps", records.evalSteps)
        text.line("save_steps", records.saveSteps)
        text.line("save_total_limit", records.saveTotalLimit)
        text.line("save_in_background", records.savesInBackground)
        text.line("load_best_model_at_end", records.bestMetric != nil)
        if let metric = records.bestMetric { text.line("metric_for_best_model", metric) }

        text.section("machine")
        text.line("threads_per_rank", machine.threadsPerRank)
        text.line("gradient_checkpointing", machine.gradientCheckpointing)
        text.line("reproducible", machine.reproducible)
        text.line("zero_stage", machine.zeroStage)
        text.line("gradient_dtype", machine.gradientFormat.rawValue)
        if let overlaps = machine.overlapsReduction { text.line("overlap_comm", overlaps) }
        text.line("save_dtype", machine.saveFormat.rawValue)
        if let seconds = machine.hangTimeout { text.line("hang_timeout", seconds) }
        text.line("reference_cache", machine.referenceCache)
        text.line("debug_dump", machine.debugDump)
    }
}

/// Lines of YAML under commented headings.
private struct ResolvedText {
    private(set) var yaml = ""

    mutating func section(_ name: String) { yaml += (yaml.isEmpty ? "" : "\n") + "# \(name)\n" }
    mutating func line(_ key: String, _ value: String?) { raw(key, value.map(RunFileText.string)) }
    mutating func line(_ key: String, _ value: Int?) { raw(key, value.map { "\($0)" }) }
    mutating func line(_ key: String, _ value: Double) { raw(key, RunFileText.number(value)) }
    mutating func line(_ key: String, _ value: Bool) { raw(key, "\(value)") }

    mutating func numbers(_ key: String, _ values: [Double]) {
        raw(key, "[\(values.map(RunFileText.number).joined(separator: ", "))]")
    }

    mutating func list(_ key: String, _ names: [String]) {
        raw(key, "[\(names.map(RunFileText.string).joined(separator: ", "))]")
    }

    /// A single file of weight 1 as its path.
    mutating func files(_ key: String, _ files: [DataFile]) {
        guard files.count > 1 || files.contains(where: { $0.weight != 1 }) else { return line(key, files.first?.path) }
        yaml += "\(key):\n"
        for file in files {
            let weight = file.weight == 1 ? "" : ", weight: \(RunFileText.number(file.weight))"
            yaml += "  - {path: \(RunFileText.string(file.path))\(weight)}\n"
        }
    }

    /// Nothing for an empty mapping.
    mutating func map(_ key: String, _ items: [(name: String, value: String)]) {
        guard !items.isEmpty else { return }
        yaml += "\(key):\n"
        for item in items { yaml += "  \(RunFileText.string(item.name)): \(item.value)\n" }
    }

    private mutating func raw(_ key: String, _ value: String?) { yaml += "\(key): \(value ?? "null")\n" }
}
