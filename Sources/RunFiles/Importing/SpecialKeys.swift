extension RecipeConversion {
    /// Keys whose meaning depends on the trainer or on other keys.
    /// - Returns: whether the key is done with.
    mutating func convertSpecial(_ entry: YAMLEntry) -> Bool {
        switch entry.key {
        case "save_steps", "eval_steps": return convertShare(entry)
        case "report_to":
            let words = entry.value.list?.compactMap(\.text) ?? entry.value.text.map { [$0] } ?? []
            guard !words.contains("tensorboard") else {
                set("report_to", .string("tensorboard"))
                note(entry, words.count == 1 ? .same : .converted, words.count == 1 ? "" : "report_to: tensorboard")
                return true
            }
            set("report_to", .string("none"))
            note(entry, .dropped, "metrics.jsonl in output_dir has every number")
        case "datasets", "dataset", "eval_dataset", "test_datasets", "dataset_name", "dataset_mixer", "dataset_mixture",
            "prompt_data", "prompt_dataset":
            convertData(entry)
        case "adam_betas":
            guard let betas = entry.value.list, betas.count == 2 else { return false }
            set("adam_beta1", betas[0])
            set("adam_beta2", betas[1])
            note(entry, .converted, "adam_beta1 and adam_beta2")
        case "loss_type" where trainer == .simpo:
            set("loss_type", .string("simpo"))
            note(
                entry, .differs,
                "there it is the shape of SimPO's own loss; the paper's is sigmoid, which simpo is here")
        case "max_epochs" where trainer == .openRLHF && isPPO:
            set("num_ppo_epochs", entry.value)
            note(entry, .converted, "num_ppo_epochs: \(YAMLText.inline(entry.value))")
        case "train_batch_size" where trainer == .openRLHF && isPPO: convertUpdates(entry)
        case "lora_rank" where trainer == .openRLHF:
            guard entry.value.integer != 0 else {
                note(entry, .converted, "all weights are trained")
                return true
            }
            set("use_peft", .plain("true"))
            return false
        case "lr_scheduler_type", "lr_scheduler":
            guard let word = entry.value.text, word.hasPrefix("cosine"), word != "cosine" else { return false }
            set("lr_scheduler_type", .string("cosine"))
            note(entry, .differs, "cosine here ends at 0")
        default: return false
        }
        return true
    }

    /// transformers' steps as a share of the run, and OpenRLHF's -1.
    private mutating func convertShare(_ entry: YAMLEntry) -> Bool {
        let pace = entry.key == "save_steps" ? "save_strategy" : "eval_strategy"
        if let steps = entry.value.integer, steps < 0 {
            set(pace, .string(pace == "save_strategy" ? "no" : "epoch"))
            note(entry, .converted, "\(pace): \(pace == "save_strategy" ? "no" : "epoch")")
            return true
        }
        guard let share = entry.value.number, share > 0, share < 1 else { return false }
        note(entry, .dropped, "it is a share of the run's steps there; write a number of steps")
        return true
    }

    /// Whether the recipe is one of PPO.
    private var isPPO: Bool {
        let words = ["script", "stage", "loss_type"].compactMap { recipe[$0]?.text }
        return words.contains { ["train_ppo", "train_ppo_ray", "ppo"].contains($0) } || recipe.has(
            "num_ppo_epochs", "ppo_epochs", "reward_model_path", "init_kl_coef", "vf_coef", "cliprange")
    }

    /// OpenRLHF's size of an update of PPO: each pass over a step's responses is cut into such.
    private mutating func convertUpdates(_ entry: YAMLEntry) {
        let prompts = recipe["rollout_batch_size"]?.integer ?? PeerTrainer.rolloutBatchSize
        guard let size = entry.value.integer, size > 0, prompts % size == 0 else {
            return note(
                entry, .dropped, "num_mini_batches is the updates in each pass over the \(prompts) responses of a step")
        }
        set("num_mini_batches", .plain("\(prompts / size)"))
        note(entry, .converted, "num_mini_batches: \(prompts / size), of \(prompts) responses")
    }

    private mutating func convertData(_ entry: YAMLEntry) {
        let isHeldOut = ["eval_dataset", "test_datasets"].contains(entry.key)
        let files = paths(entry.value).filter { path in
            [".jsonl", ".json", ".parquet", ".csv", ".gz", ".zst"].contains { path.hasSuffix($0) }
        }
        guard !files.isEmpty else {
            return note(
                entry, .dropped,
                "write \(isHeldOut ? "eval_file" : "train_file"): PATH, where the rows were downloaded to")
        }
        set(
            isHeldOut ? "eval_file" : "train_file",
            files.count == 1 ? .string(files[0]) : .list(files.map { .string($0) }))
        note(entry, .converted, isHeldOut ? "eval_file" : "train_file")
    }

    private func paths(_ value: YAMLValue) -> [String] {
        switch value {
        case .scalar: value.text?.split(separator: ",").map { $0.filter { $0 != " " } } ?? []
        case .list(let items): items.flatMap(paths)
        case .map(let members): members.filter { ["path", "data_files"].contains($0.key) }.flatMap { paths($0.value) }
        }
    }

    /// The loss, where the recipe doesn't name it but its keys tell.
    mutating func chooseLoss() {
        func choose(_ loss: String, _ reason: String) {
            set("loss_type", .string(loss))
            notes.append(.init(key: "loss_type", value: loss, verdict: .implied, text: reason))
        }
        if trainer == .simpo, values["loss_type"] == nil { return choose("simpo", "the recipe is SimPO's") }
        if let cpo = recipe["cpo_alpha"] ?? (recipe.has("simpo_gamma") && trainer != .llamaFactory ? .plain("1") : nil),
            ["sigmoid", "simpo"].contains(loss), [.trl, .axolotl, .alignmentHandbook].contains(trainer)
        {
            if loss == "sigmoid" { choose("cpo", "cpo_alpha is a key of TRL's CPOConfig") }
            if loss == "simpo", values["nll_weight"] == nil { set("nll_weight", cpo) }
            return
        }
        guard values["loss_type"] == nil else { return }
        if isPPO { return choose("ppo", "its keys are PPO's") }
        if recipe.has("desirable_weight", "undesirable_weight") { return choose("kto", "its weights are KTO's") }
        if recipe.has("center_rewards_coefficient") { return choose("reward", "it trains a reward model") }
        let asSFT = recipe.has("dataset_text_field", "assistant_only_loss", "packing", "train_on_inputs")
        if asSFT, !recipe.has("beta", "rl") { return choose("sft", "it has keys of SFT and no beta") }
        notes.append(
            .init(
                key: "loss_type", value: "sigmoid", verdict: .implied,
                text: "the recipe doesn't say; write orpo, kto or another if its script is that one's"))
        set("loss_type", .string("sigmoid"))
    }
}
