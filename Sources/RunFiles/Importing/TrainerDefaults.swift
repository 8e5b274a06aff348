extension PeerTrainer {
    /// A default that isn't this program's.
    struct Default {
        let key: String
        let value: YAMLValue
        let reason: String

        init(_ key: String, _ value: String, _ reason: String) {
            (self.key, self.value, self.reason) = (key, .plain(value), reason)
        }
    }

    /// The trainer's defaults for a recipe that says nothing, so that the run takes the same steps.
    func defaults(_ recipe: Recipe, loss: String) -> [Default] {
        switch self {
        case .trl, .alignmentHandbook, .simpo: transformers(recipe, loss: loss)
        case .llamaFactory: llamaFactory(recipe, loss: loss)
        case .axolotl: axolotl(recipe, loss: loss)
        case .openRLHF: openRLHF(recipe, loss: loss)
        }
    }

    private func transformers(_ recipe: Recipe, loss: String) -> [Default] {
        var defaults = [
            truncation(recipe, loss: loss),
            Default("per_device_train_batch_size", "8", "transformers'"),
        ]
        if loss == "ppo" { defaults.append(Default("temperature", "0.7", "TRL's PPOConfig")) }
        if loss == "ipo" { defaults.append(Default("normalise", "mean", "TRL's IPO compares means of logps")) }
        if loss == "simpo", self != .simpo {
            defaults.append(Default("nll_weight", "1", "TRL's CPOConfig adds the NLL unless cpo_alpha is 0"))
        }
        if recipe.has("cpo_alpha", "rpo_alpha") || loss == "simpo" && self != .simpo {
            defaults.append(Default("nll_reduction", "token", "TRL's is a mean over tokens"))
        }
        if loss == "simpo", self != .simpo, !recipe.has("beta") { defaults.append(Default("beta", "0.1", "TRL's")) }
        if self == .simpo, !recipe.has("gamma_beta_ratio", "gamma") {
            defaults.append(Default("gamma_beta_ratio", "0.25", "the default of SimPO's code"))
        }
        return defaults
    }

    /// The way in which the TRL of a recipe cuts what is longer than max_length.
    ///
    /// SFTTrainer has always cut the end, RewardTrainer has left rows out since 0.12. Of the others TRL up to 0.11, and
    /// those of ORPO, CPO and KTO up to 0.24, cut the prompt of a pair that is too long to max_prompt_length, then responses;
    /// DPOTrainer from 0.12 to 0.24 cuts every prompt to it and then each sequence to its last max_length tokens; later ones
    /// cut the end. The handbook's recipes have `dataset_mixer` up to TRL 0.11 and `dataset_mixture` with TRL 0.19.
    private func truncation(_ recipe: Recipe, loss: String) -> Default {
        switch loss {
        case "sft": return Default("truncation", "keep_start", "TRL's SFTTrainer cuts the end")
        case "reward": return Default("truncation", "drop", "TRL's RewardTrainer leaves long rows out")
        default: break
        }
        guard self != .trl || recipe.has("max_prompt_length", "evaluation_strategy") else {
            return Default("truncation", "keep_start", "TRL cuts responses, where this program drops the pair")
        }
        let isEveryPromptCut =
            !recipe.has("evaluation_strategy", "dataset_mixer") && self != .simpo
            && !["orpo", "cpo", "simpo", "kto"].contains(loss)
        return Default(
            "truncation", "keep_end_of_prompt",
            isEveryPromptCut
                ? "TRL of that time cuts every prompt's start to max_prompt_length (512), then each sequence's to max_length; here "
                    + "a pair that is too long loses as much of its prompt's start as must be"
                : "TRL of that time cuts the prompt's start to max_prompt_length if the pair is too long, then the responses' "
                    + "ends; here the prompt loses as much as must be, and a pair whose responses alone are too long is dropped")
    }

    private func llamaFactory(_ recipe: Recipe, loss: String) -> [Default] {
        let rank = recipe["lora_rank"]?.integer ?? 8
        var defaults = [
            Default("max_length", "2048", "LLaMA-Factory's cutoff_len"),
            Default("truncation", "keep_start", "LLaMA-Factory cuts long pairs"),
            Default("learning_rate", "5e-5", "transformers'"),
            Default("per_device_train_batch_size", "8", "transformers'"),
        ]
        if loss == "ppo" {
            defaults += [
                Default("kl_coef", "0.2", "the init_kl_coef of LLaMA-Factory's TRL"),
                Default("kl_target", "6", "LLaMA-Factory's ppo_target"),
                Default("response_length", "1024", "LLaMA-Factory's max_new_tokens"),
                Default("temperature", "0.95", "LLaMA-Factory's"),
            ]
        }
        if loss == "sft" {
            defaults.append(Default("score_turns", "all", "LLaMA-Factory trains on every answer unless mask_history"))
        }
        if recipe["finetuning_type"]?.text ?? "lora" == "lora" {
            defaults += [
                Default("use_peft", "true", "LLaMA-Factory's finetuning_type is lora"),
                Default("lora_r", "8", "LLaMA-Factory's"),
                Default("lora_alpha", "\(2 * rank)", "LLaMA-Factory's: twice the rank"),
                Default("lora_dropout", "0", "LLaMA-Factory's"),
                Default("lora_target_modules", "all-linear", "LLaMA-Factory's"),
            ]
        }
        return defaults
    }

    private func axolotl(_ recipe: Recipe, loss: String) -> [Default] {
        var defaults = [
            Default("truncation", "drop", "axolotl drops long rows"),
            Default("num_train_epochs", "1", "axolotl's"), Default("per_device_train_batch_size", "1", "axolotl's"),
            Default("lr_scheduler_type", "cosine", "axolotl's"),
            Default("warmup_ratio", "0.03", "axolotl's, where it says neither warmup_steps nor warmup_ratio"),
        ]
        if recipe.has("adapter") { defaults.append(Default("lora_dropout", "0", "axolotl's")) }
        if loss == "sft" {
            defaults.append(Default("score_turns", "all", "axolotl trains on every turn of the assistant's"))
        }
        if loss == "simpo" {
            defaults += [
                Default("beta", "0.1", "axolotl's"),
                Default("nll_weight", "1", "TRL's CPOConfig adds it unless cpo_alpha is 0"),
                Default("nll_reduction", "token", "TRL's is a mean over tokens"),
            ]
        }
        return defaults
    }

    /// Prompts of a step of OpenRLHF's PPO.
    static let rolloutBatchSize = 1024

    /// OpenRLHF's PPO, `openrlhf/cli/train_ppo_ray.py`.
    private var openRLHFPPO: [Default] {
        [
            Default("max_length", "2048", "OpenRLHF's prompt_max_len and generate_max_len"),
            Default("response_length", "1024", "OpenRLHF's generate_max_len"),
            Default("global_batch_size", "\(Self.rolloutBatchSize)", "OpenRLHF's rollout_batch_size"),
            Default("num_mini_batches", "8", "OpenRLHF's train_batch_size of 128 of 1024"),
            Default("num_ppo_epochs", "1", "OpenRLHF's max_epochs"), Default("kl_coef", "0.01", "OpenRLHF's init_kl_coef"),
            Default("cliprange_value", "0.5", "OpenRLHF's value_clip"), Default("lam", "1", "OpenRLHF's lambd"),
            Default("num_train_epochs", "1", "OpenRLHF's num_episodes"),
            Default("learning_rate", "1e-6", "OpenRLHF's actor_learning_rate"),
            Default("adam_beta2", "0.95", "OpenRLHF's"),
            Default("lr_scheduler_type", "cosine", "OpenRLHF's ends at a tenth of the peak, this one at 0"),
            Default("warmup_ratio", "0.03", "OpenRLHF's"),
        ]
    }

    private func openRLHF(_ recipe: Recipe, loss: String) -> [Default] {
        if loss == "ppo" { return openRLHFPPO }
        var defaults = [
            Default("truncation", "keep_start", "OpenRLHF cuts long pairs"), Default("max_length", "512", "OpenRLHF's"),
            Default("global_batch_size", "128", "OpenRLHF's train_batch_size"),
            Default("num_train_epochs", "1", "OpenRLHF's"),
            Default("learning_rate", "1e-5", "OpenRLHF's"), Default("adam_beta2", "0.95", "OpenRLHF's"),
            Default("lr_scheduler_type", "cosine", "OpenRLHF's ends at a tenth of the peak, this one at 0"),
            Default("warmup_ratio", "0.03", "OpenRLHF's"),
        ]
        if recipe["ipo"]?.bool == true {
            defaults.append(Default("normalise", "sum", "OpenRLHF's IPO compares sums of logps"))
        }
        return defaults
    }
}
