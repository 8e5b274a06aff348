import Objectives

/// What is known of the run file's keys besides their values: which exist, which exclude each other, which belong to
/// some objectives only, which wait for a later version.
enum RunFileKeys {
    static let all: [String] = [
        "model_name_or_path", "ref_model_name_or_path", "tokenizer_name_or_path", "output_dir",
        "train_file", "eval_file", "prompt_column", "chosen_column", "rejected_column", "max_length", "truncation",
        "append_eos", "shuffle", "seed",
        "loss_type", "loss_weights", "preference_name", "weights", "margins",
        "global_batch_size", "micro_batch_tokens", "per_device_train_batch_size", "gradient_accumulation_steps",
        "num_train_epochs", "max_steps",
        "optim", "learning_rate", "lr_scheduler_type", "warmup_ratio", "warmup_steps", "weight_decay", "adam_beta1",
        "adam_beta2", "adam_epsilon", "max_grad_norm",
        "use_peft", "adapter_name_or_path", "lora_r", "lora_alpha", "lora_dropout", "lora_target_modules",
        "modules_to_save", "use_rslora", "use_dora", "init_lora_weights",
        "load_in_8bit", "load_in_4bit",
        "logging_steps", "eval_steps", "save_steps", "save_total_limit", "save_in_background",
        "load_best_model_at_end", "metric_for_best_model",
        "threads_per_rank", "gradient_checkpointing", "reproducible", "zero_stage", "gradient_dtype", "overlap_comm",
        "save_dtype", "hang_timeout", "reference_cache", "debug_dump",
    ] + constants

    /// Either side may be given, not both.
    static let exclusive: [(left: [String], right: [String])] = [
        (["gamma"], ["gamma_beta_ratio"]),
        (["global_batch_size"], ["per_device_train_batch_size", "gradient_accumulation_steps"]),
        (["max_steps"], ["num_train_epochs"]),
        (["warmup_steps"], ["warmup_ratio"]),
    ]

    /// The keys that contradict a key.
    static func rivals(of key: String) -> [String] {
        exclusive.flatMap { pair in
            pair.left.contains(key) ? pair.right : pair.right.contains(key) ? pair.left : []
        }
    }

    /// The losses that read a key; nil for a key that isn't a matter of losses.
    static func losses(reading key: String) -> [String]? {
        let readers: [Loss]
        switch key {
        case "ref_model_name_or_path": readers = Loss.all.filter(\.needsReference)
        case "rejected_column": readers = Loss.all.filter { $0.judges == .pairs || $0.judges == .lists }
        case "preference_name", "weights", "margins": readers = Loss.all.filter(\.needsMarginRewards)
        default:
            readers = Loss.all.filter { $0.constants.contains { $0.name == key } }
            if readers.isEmpty { return nil }
        }
        return readers.map(\.name)
    }

    private static let constants: [String] = {
        var names: [String] = []
        for name in Loss.all.flatMap({ $0.constants.map(\.name) }) where !names.contains(name) { names.append(name) }
        return names
    }()

    /// Names that other trainers give to the same things.
    private static let synonyms = [
        "lr": "learning_rate", "model": "model_name_or_path", "ref_model": "ref_model_name_or_path",
        "tokenizer": "tokenizer_name_or_path", "dataset_name": "train_file", "batch_size": "global_batch_size",
        "micro_batch_size": "micro_batch_tokens", "epochs": "num_train_epochs", "optimizer": "optim",
        "lr_scheduler": "lr_scheduler_type", "truncation_mode": "truncation", "rpo_alpha": "nll_weight",
        "simpo_gamma": "gamma", "loss": "loss_type", "warmup": "warmup_steps", "clip_grad": "max_grad_norm",
        "data_seed": "seed", "lora_rank": "lora_r", "r": "lora_r", "target_modules": "lora_target_modules",
        "lora_target": "lora_target_modules", "lora_modules_to_save": "modules_to_save", "peft": "use_peft",
    ]

    /// The known key that an unknown one most likely means.
    static func nearest(to key: String) -> String? { synonyms[key] ?? nearest(to: key, in: all) }

    /// The word within an edit distance of a third of the key's length; the first of equals.
    static func nearest(to key: String, in words: [String]) -> String? {
        let limit = max(1, key.count / 3)
        let near = words.map { ($0, distance(key, $0)) }.min { $0.1 < $1.1 }
        guard let near, near.1 <= limit else { return nil }
        return near.0
    }

    /// Insertions, deletions and replacements between two words (Levenshtein).
    private static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.prefix(64).lowercased())
        let b = Array(b.lowercased())
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let replaced = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
