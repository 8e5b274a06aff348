/// The grouped options of OpenRLHF since 0.9 (`--ckpt.output_dir`) by the names that they had before, which the key table knows.
enum OpenRLHFOptions {
    /// Options that didn't just lose their group.
    private static let renamed: [String: String] = [
        "adam.lr": "learning_rate", "adam.eps": "adam_epsilon", "adam.betas": "adam_betas", "ckpt.load_enable": "load_checkpoint",
        "ckpt.max_num": "max_ckpt_num", "ckpt.max_mem": "max_ckpt_mem", "ckpt.path": "ckpt_path", "ckpt.save_hf": "save_hf_ckpt",
        "ckpt.disable_ds": "disable_ds_ckpt", "eval.steps": "eval_steps", "eval.dataset": "eval_dataset", "eval.split": "eval_split",
        "train.batch_size": "train_batch_size", "train.micro_batch_size": "micro_train_batch_size",
        "train.full_determinism_enable": "full_determinism", "model.ipo_enable": "ipo",
        "model.gradient_checkpointing_enable": "gradient_checkpointing",
        "model.gradient_checkpointing_reentrant": "gradient_checkpointing_use_reentrant",
        "ref.model_name_or_path": "ref_model_name_or_path", "ref.offload": "ref_offload", "ds.adam_offload": "adam_offload",
        // Of PPO.
        "actor.adam.lr": "actor_learning_rate", "critic.adam.lr": "critic_learning_rate",
        "critic.model_name_or_path": "critic_pretrain", "critic.value_clip": "value_clip",
        "critic.freezing_steps": "freezing_actor_steps", "critic.save_value_network": "save_value_network",
        "reward.model_name_or_path": "reward_pretrain", "reward.remote_url": "remote_rm_url",
        "reward.normalize_enable": "normalize_reward", "reward.clip_range": "reward_clip_range",
        "reward.offload": "ref_reward_offload", "rollout.batch_size": "rollout_batch_size",
        "rollout.micro_batch_size": "micro_rollout_batch_size", "rollout.max_new_tokens": "generate_max_len",
        "algo.kl.init_coef": "init_kl_coef", "algo.kl.target": "kl_target", "algo.kl.horizon": "kl_horizon",
        "algo.kl.estimator": "kl_estimator", "algo.kl.use_loss": "use_kl_loss",
        "algo.advantage.estimator": "advantage_estimator", "algo.advantage.no_std_norm": "no_advantage_std_norm",
        "train.dynamic_batch_enable": "use_dynamic_batch", "eval.temperature": "eval_temperature",
        "eval.n_samples_per_prompt": "eval_n_samples_per_prompt", "gradient_checkpointing_enable": "gradient_checkpointing",
        "gradient_checkpointing_reentrant": "gradient_checkpointing_use_reentrant",
    ]

    /// Groups whose name the flat option keeps: `ds.lora.rank` was `lora_rank`.
    private static let keptGroups = ["lora", "wandb", "muon", "vllm"]

    /// The name before the options were grouped; the same name for one without a group.
    static func flat(_ name: String) -> String {
        if let flat = renamed[name] { return flat }
        // PPO's policy; its options are those of every trainer.
        if name.hasPrefix("actor.") { return flat(String(name.dropFirst("actor.".count))) }
        if name.hasPrefix("critic.") { return "critic_" + name.dropFirst("critic.".count).replacing(".", with: "_") }
        let parts = name.split(separator: ".").map(String.init)
        guard parts.count > 1, let last = parts.last else { return name }
        let group = parts[parts.count - 2]
        return keptGroups.contains(group) ? "\(group)_\(last)" : last
    }

    /// The entry that a word of a command stands for when it names one of OpenRLHF's trainers: `openrlhf.cli.train_rm`.
    static func script(_ word: String, at place: Place) -> YAMLEntry? {
        guard let name = word.split(separator: ".").last, word.contains("openrlhf"), name.hasPrefix("train_") else {
            return nil
        }
        return YAMLEntry(key: "script", value: .plain(String(name)), place: place)
    }
}
