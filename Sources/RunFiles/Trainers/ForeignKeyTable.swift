extension ForeignKey {
    /// All that are known, by what is said of them.
    package static let all: [ForeignKey] = data + objective + rollouts + arithmetic + machine + records + others

    private static let data = [
        ForeignKey(
            "dataset_name dataset_config dataset_train_split dataset_test_split dataset_splits dataset_mixer dataset_mixture "
                + "dataset_configs dataset_args dataset_streaming test_split_size streaming", of: .trl,
            .alignmentHandbook,
            .simpo, fate: .elsewhere,
            because:
                "rows are read from files: write train_file: PATH and eval_file: PATH, where the data set was downloaded to"
        ),
        ForeignKey(
            "dataset eval_dataset dataset_dir media_dir interleave_probs mix_strategy tokenized_path buffer_size",
            of: .llamaFactory,
            .openRLHF, fate: .elsewhere, because: "rows are read from files: write train_file: PATH and eval_file: PATH"
        ),
        ForeignKey(
            "datasets test_datasets pretraining_dataset dataset_prepared_path shuffle_merged_datasets dataset_shard_num "
                + "dataset_shard_idx field_messages type ds_type split", of: .axolotl, fate: .elsewhere,
            because:
                "rows are read from files, and their format is recognised: write train_file: PATH and eval_file: PATH"),
        ForeignKey(
            "dataset_probs train_split eval_split eval_ratio input_key output_key prompt_data prompt_dataset prompt_data_probs "
                + "prompt_probs prompt_split label_key", of: .openRLHF, fate: .elsewhere,
            because: "rows are read from files: write train_file: PATH, or a list of {path: …, weight: …}"),
        ForeignKey(
            "val_size val_set_size", of: .llamaFactory, .axolotl, fate: .missing,
            because: "held-out rows are a file of their own: write eval_file: PATH"),
        ForeignKey(
            "max_samples", of: .llamaFactory, .openRLHF, fate: .missing,
            because: "a shorter file, or max_steps, trains on fewer rows"),
        ForeignKey(
            "max_prompt_length", of: .trl, .simpo, .alignmentHandbook, fate: .missing,
            because:
                "max_length bounds prompt and response together; TRL cut prompts' starts to it (since 0.12 in DPO even of pairs "
                + "that fit into max_length), see truncation"),
        ForeignKey(
            "max_completion_length max_target_length max_source_length prompt_max_len", of: .trl, .simpo, .openRLHF, fate: .missing,
            because: "max_length bounds prompt and response together, and truncation says which of them is cut"),
        ForeignKey(
            "chat_template chat_template_path template tool_format apply_chat_template input_template default_system "
                + "chat_template_jinja tokenizer_chat_template", fate: .elsewhere,
            because: "conversations are written by the chat template in the tokenizer's folder (tokenizer_name_or_path)"
        ),
        ForeignKey(
            "dataset_num_proc preprocessing_num_workers preprocessing_batch_size dataset_processes dataset_batch_size "
                + "dataloader_* overwrite_cache dataset_kwargs num_proc",
            because: "rows are read and encoded once, by all ranks and threads"),
        ForeignKey(
            "remove_unused_columns label_names dataset_text_field columns",
            because: "columns are found by name, and those that aren't used are listed"),
        ForeignKey(
            "padding_free packing packing_strategy eval_packing neat_packing sample_packing eval_sample_packing packing_samples "
                + "pad_token pad_to_multiple_of pad_to_sequence_len label_pad_token_id padding_value group_by_length "
                + "train_sampling_strategy length_column_name multipack_real_batches pad_token_id",
            because:
                "nothing is padded: pairs are packed into micro-batches, each prompt once, and the loss is the same as alone"
        ),
        ForeignKey(
            "train_on_inputs train_on_prompt completion_only_loss ignore_pad_token_for_loss",
            because: "the loss is of responses only"),
        ForeignKey(
            "special_tokens tokens added_tokens_overrides eos_token bos_token", fate: .missing,
            because: "special tokens are those of the tokenizer's files"),
        ForeignKey(
            "image_max_pixels video_max_pixels image_min_pixels video_min_pixels video_fps video_maxlen freeze_vision_tower "
                + "freeze_multi_modal_projector", of: .llamaFactory, fate: .missing,
            because: "models that see aren't here"),
        ForeignKey(
            "eot_tokens", of: .axolotl, because: "the chat template writes the token that ends a turn, and it is scored"),
        ForeignKey(
            "dataset_exact_deduplication", of: .axolotl, fate: .missing,
            because: "every row is trained on; inspect counts rows that occur twice"),
        ForeignKey("shuffle_dataset", of: .trl, fate: .elsewhere, because: "shuffle says it for each epoch"),
    ]

    private static let objective = [
        ForeignKey(
            "precompute_ref_log_probs precompute_ref_batch_size use_logits_to_keep use_num_logits_to_keep", of: .trl,
            because: "reference logps are always computed once and kept in reference_cache"),
        ForeignKey(
            "reference_free", of: .trl, fate: .missing,
            because: "simpo, cpo and orpo are the losses without a reference"),
        ForeignKey(
            "sync_ref_model ref_model_mixup_alpha ref_model_sync_steps", of: .trl, fate: .missing,
            because: "the reference stays as it is, since its logps are computed once (TR-DPO moves it)"),
        ForeignKey(
            "f_divergence_type f_alpha_divergence_coef", of: .trl, fate: .missing,
            because: "the divergence is the reverse KL, TRL's default"),
        ForeignKey(
            "use_weighting dpo_use_weighting", of: .trl, .axolotl, fate: .missing,
            because: "pairs weigh the same (WPO weighs them)"),
        ForeignKey(
            "ld_alpha", of: .trl, .llamaFactory, fate: .missing,
            because: "LD-DPO isn't here; rdpo and sigmoid_norm act on length too"),
        ForeignKey(
            "pref_bco_weight", of: .llamaFactory, fate: .missing,
            because: "write a list: loss_type: [sigmoid, bco_pair] with loss_weights"),
        ForeignKey(
            "label_smoothing_factor", fate: .missing,
            because: "it smooths the labels of single tokens; label_smoothing is that of preferences"),
        ForeignKey("neftune_noise_alpha", fate: .missing, because: "no noise is added to embeddings"),
        ForeignKey(
            "router_aux_loss_coef aux_loss_coef", fate: .missing,
            because: "it is for mixtures of experts, which aren't here"),
        ForeignKey(
            "force_use_ref_model ref_adapter_name model_adapter_name ref_model_init_kwargs ref_model_adapters "
                + "ref_model_quantization_bit", fate: .elsewhere,
            because: "the reference is the initial policy, or ref_model_name_or_path, which may be an adapter's folder"),
        ForeignKey(
            "is_encoder_decoder tools trainer_type", of: .trl, .simpo,
            because: "models are decoders, and loss_type says the rest"),
        ForeignKey(
            "num_labels", of: .axolotl, because: "a reward model has one label"),
        ForeignKey(
            "process_reward_model", of: .axolotl, fate: .missing,
            because: "steps of an answer aren't judged one by one; loss_type: reward judges the whole"),
    ]

    /// Keys of policies that draw their own responses.
    private static let rollouts = [
        ForeignKey(
            "reward_model_adapters reward_model_quantization_bit reward_model_type remote_rm_url agent_func_path reward_funcs", of: .trl, .llamaFactory, .openRLHF, fate: .elsewhere,
            because: "rewards: {NAME: SPEC} says it; SPEC is model:DIR, a reward model, or command:\"PROGRAM\", endpoint:URL,model=NAME"),
        ForeignKey(
            "sft_model_path", of: .trl, fate: .elsewhere,
            because: "the policy, model_name_or_path, is where PPO begins, and its reference unless ref_model_name_or_path names another"),
        ForeignKey(
            "critic_pretrain value_head_prefix save_value_network critic_*", of: .openRLHF, fate: .missing,
            because: "values are a head on the policy, trained with it and by its learning_rate; vf_coef weighs their error"),
        ForeignKey(
            "freezing_actor_steps", of: .openRLHF, fate: .missing, because: "policy and values are trained from the first step on"),
        ForeignKey(
            "n_samples_per_prompt", of: .openRLHF, fate: .missing,
            because: "each prompt of a step is answered once; an epoch more, or a weight on train_file, answers it again"),
        ForeignKey(
            "ppo_buffer_size mini_batch_size", of: .trl, .llamaFactory, fate: .missing,
            because: "global_batch_size is the prompts of a step, and num_mini_batches the updates in each pass over their responses"),
        ForeignKey(
            "total_episodes steps", of: .trl, fate: .missing,
            because: "num_train_epochs or max_steps says how long; an episode is one response"),
        ForeignKey(
            "adap_kl_ctrl", of: .trl, fate: .elsewhere, because: "kl_target leads kl_coef to a divergence; without it kl_coef stays"),
        ForeignKey(
            "kl_horizon horizon", of: .trl, .openRLHF, fate: .missing,
            because: "with kl_target, kl_coef moves by a tenth of the clipped error a step"),
        ForeignKey(
            "kl_estimator kl_penalty use_kl_loss use_kl_estimator_k3", of: .trl, .openRLHF, fate: .missing,
            because: "the divergence is paid for at each token, by log π − log π_ref (k1)"),
        ForeignKey(
            "advantage_estimator no_advantage_std_norm policy_loss_type", of: .openRLHF, fate: .missing,
            because: "advantages are GAE's (gamma, lam), whitened over the step, and the loss is PPO's clipped one"),
        ForeignKey(
            "eps_clip_low_high dual_clip", of: .openRLHF, fate: .missing, because: "cliprange holds on both sides of 1"),
        ForeignKey(
            "target_kl early_stopping ratio_threshold", of: .trl, fate: .missing,
            because: "every update of a step is made; kl_target or kl_coef holds the policy"),
        ForeignKey(
            "reward_clip_range score_clip overlong_* stop_properly_penalty_coef", of: .trl, .openRLHF, fate: .missing,
            because: "rewards count as they are; normalize_reward scales them, missing_eos_penalty is taken off what has no end"),
        ForeignKey(
            "ptx_coef entropy_loss_coef entropy_coef", of: .openRLHF, fate: .missing,
            because: "PPO's loss is that of the policy and of the values alone"),
        ForeignKey(
            "dynamic_filtering*", of: .openRLHF, fate: .missing, because: "every prompt of a step is trained on"),
        ForeignKey(
            "stop_token stop_token_id", of: .trl,
            because: "a response ends with the model's end token, and missing_eos_penalty prices those that don't"),
        ForeignKey("use_score_norm", of: .trl, because: "normalize_reward takes the mean off too"),
        ForeignKey(
            "num_sample_generations generate_during_eval eval_table_size eval_table_max_new_tokens eval_n_samples_per_prompt "
                + "eval_temperature", of: .trl, .axolotl, .openRLHF, fate: .elsewhere,
            because: "sample_prompts: FILE has the policy answer prompts at evaluations, with sample_count, sample_length and "
                + "sample_temperature"),
        ForeignKey(
            "local_rollout_forward_batch_size forward_batch_size micro_rollout_batch_size vllm_* use_vllm async_* "
                + "partial_rollout_enable enforce_eager enable_prefix_caching ds3_gather_for_generation deepspeed_enable_sleep "
                + "enable_sleep rollout_tasks_per_gpu rollout_max_tokens_per_gpu train_max_tokens_per_gpu max_tokens_per_gpu "
                + "use_dynamic_batch", of: .trl, .openRLHF,
            because: "the ranks draw the responses themselves, as many at a time as memory has room for"),
        ForeignKey(
            "colocate_* actor_num_* ref_num_* reward_num_* num_nodes num_gpus_per_node ref_reward_offload actor_init_on_gpu",
            of: .openRLHF, because: "every rank holds policy, values, reference and reward models; mpirun says how many ranks"),
    ]

    private static let arithmetic = [
        ForeignKey(
            "fp16 fp16_full_eval bf16_full_eval half_precision_backend fp16_opt_level pure_bf16 tf32 upcast_layernorm "
                + "upcast_lmhead_output fp8 disable_gradient_checkpointing float16 bfloat16",
            because: "weights, gradients and moments are float32"),
        ForeignKey(
            "torch_dtype dtype",
            because: "training is in float32 whatever the files hold; save_dtype says how weights are saved"),
        ForeignKey(
            "attn_implementation use_flash_attention_2 flash_attention flash_attn xformers_attention sdp_attention "
                + "eager_attention s2_attention shift_attn use_cache",
            because: "there is one attention, exact and computed in tiles"),
        ForeignKey(
            "use_liger_kernel liger_* enable_liger_kernel use_unsloth use_unsloth_gc torch_compile* jit_mode_eval use_ipex "
                + "torch_empty_cache_steps plugins lora_mlp_kernel lora_qkv_kernel lora_o_kernel use_kernels use_scattermoe use_sonicmoe use_onebitllms experimental_* unsloth_* cut_cross_entropy",
            because: "the kernels are this program's own"),
        ForeignKey(
            "gradient_checkpointing_kwargs gradient_checkpointing_use_reentrant activation_checkpointing* activation_offloading "
                + "use_reentrant_gc",
            because: "gradient_checkpointing alone says whether activations are computed again"),
        ForeignKey(
            "bnb_4bit_quant_type use_bnb_nested_quant bnb_4bit_quant_storage bnb_4bit_use_double_quant bnb_4bit_compute_dtype "
                + "quantization_method double_quantization quantization_type",
            because: "load_in_4bit is nf4, and products with it are float32"),
        ForeignKey(
            "optim_args optim_target_modules adafactor optimizer_kwargs", fate: .missing,
            because: "adam_beta1, adam_beta2, adam_epsilon and weight_decay say it"),
        ForeignKey("adam_betas", of: .openRLHF, fate: .missing, because: "write adam_beta1 and adam_beta2"),
        ForeignKey(
            "lr_scheduler_kwargs cosine_min_lr_ratio min_lr min_lr_ratio cosine_constant_lr_ratio", fate: .missing,
            because: "cosine and linear end at 0"),
        ForeignKey(
            "use_galore galore_* use_apollo apollo_* use_badam badam_* loraplus_* embedding_lr* lr_groups relora_* use_muon muon_*",
            fate: .missing, because: "optim says the update rule, the same for all trained weights"),
        ForeignKey(
            "pissa_* freeze_* unfrozen_parameters create_new_adapter use_llama_pro oft_* module_dropout layers_to_transform "
                + "lora_layers_to_transform peft_layers_to_transform lora_target_parameters lora_fan_in_fan_out peft_init_lora_weights peft_layer_replication peft_autocast_adapter_dtype",
            fate: .missing, because: "either all weights are trained, or LoRA adapters with modules_to_save beside them"
        ),
        ForeignKey("lora_task_type lora_on_cpu", because: "adapters are for causal language models"),
        ForeignKey("rope_scaling", fate: .elsewhere, because: "it stands in the model's config.json"),
    ]

    private static let machine = [
        ForeignKey(
            "deepspeed fsdp fsdp_config fsdp_* ds_* zpg adam_offload ref_offload zero3_* accelerator_config parallelism_config "
                + "tensor_parallel_size context_parallel_size ring_attn_size ring_head_stride ds_tensor_parallel_size",
            fate: .elsewhere,
            because: "mpirun starts the ranks, and zero_stage: 1 shares the optimizer's state among them"),
        ForeignKey(
            "ddp_* local_rank ddp world_size num_processes", because: "mpirun or srun starts and connects the ranks"),
        ForeignKey(
            "use_cpu no_cuda use_mps_device device_map low_cpu_mem_usage lora_on_cpu gpu_memory_limit",
            because: "everything runs on CPUs"),
        ForeignKey(
            "per_device_eval_batch_size eval_batch_size per_gpu_eval_batch_size eval_accumulation_steps auto_find_batch_size "
                + "micro_train_batch_size eval_do_concat_batches batch_eval_metrics average_tokens_across_devices",
            because: "micro_batch_tokens is chosen for the memory, in training and evaluation, and changes no result"),
        ForeignKey(
            "dp_shard_size dp_replicate_size", of: .axolotl, because: "every rank holds the model; mpirun says how many"),
        ForeignKey(
            "module address runtime_env_json", of: .openRLHF, because: "it is the launcher's: mpirun starts the ranks"),
        ForeignKey("grad_accum_dtype", of: .openRLHF, because: "gradients are added up in float32"),
    ]

    private static let records = [
        ForeignKey(
            "wandb* use_wandb wandb_* use_swanlab swanlab_* mlflow_* use_mlflow comet_* use_comet trackio_* project "
                + "hub_* push_to_hub push_to_hub_* neptune_*",
            because: "nothing is sent over a network: metrics.jsonl in output_dir has every number"),
        ForeignKey("run_name logging_dir plot_loss", because: "a run is its output_dir"),
        ForeignKey(
            "log_level log_level_replica log_on_each_node logging_strategy logging_first_step logging_nan_inf_filter disable_tqdm "
                + "include_* prediction_loss_only compute_accuracy skip_memory_metrics debug strict eval_use_gather_object perf",
            because: "logging_steps says how often a line of metrics is written, the first step's among them"),
        ForeignKey(
            "save_safetensors save_only_model save_on_each_node save_hf_ckpt disable_ds_ckpt ckpt_path max_ckpt_mem",
            because: "checkpoints are safetensors with the trainer's state, final/ is the model alone"),
        ForeignKey("do_train do_eval do_predict", because: "train trains, and evaluates eval_file if there is one"),
        ForeignKey("eval_delay eval_on_start", fate: .missing, because: "eval_strategy and eval_steps say when"),
        ForeignKey(
            "evals_per_epoch saves_per_epoch", of: .axolotl, fate: .missing,
            because: "write eval_strategy: epoch, or steps with eval_steps; save_strategy likewise"),
        ForeignKey("greater_is_better", because: "it is known of each metric"),
        ForeignKey(
            "loss_watchdog_*", of: .axolotl, fate: .missing,
            because: "a loss that explodes is warned about, and one that isn't a number ends the run"),
        ForeignKey(
            "early_stopping_patience", of: .axolotl, fate: .missing,
            because: "load_best_model_at_end keeps the best; a run doesn't stop early"),
        ForeignKey(
            "resume_from_checkpoint ignore_data_skip overwrite_output_dir restore_callback_states_from_checkpoint load_checkpoint "
                + "auto_resume_from_checkpoints enable_jit_checkpoint", fate: .elsewhere,
            because: "--resume auto|never|DIR on the command line says it"),
    ]

    private static let others = [
        ForeignKey(
            "model_class peft_config kernel_config quant_config dist_config init_config train_dataset sample_backend", of: .llamaFactory,
            fate: .missing,
            because: "it groups keys as LLaMA-Factory's version 1 does; write lora_r, lora_alpha, train_file and the like"),
        ForeignKey(
            "trust_remote_code model_revision model_code_revision revision token use_auth_token hf_use_auth_token cache_dir "
                + "use_fast_tokenizer disable_fast_tokenizer model_init_kwargs model_type tokenizer_type base_model_config "
                + "is_falcon_derived_model is_llama_derived_model is_mistral_derived_model is_qwen_derived_model resize_vocab "
                + "hf_hub_token",
            because: "a model is a folder on this machine, and no code of it is run")
    ]
}
