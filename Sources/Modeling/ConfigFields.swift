import Storage

/// The fields of a `config.json`, read with their types checked, so that every complaint names file and field.
struct ConfigFields {
    let object: JSONObject
    let file: String

    /// A field's value; absent and null are the same in Hugging Face's configs.
    subscript(name: String) -> JSON? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    func string(_ name: String) throws(ModelError) -> String? {
        guard let value = self[name] else { return nil }
        guard let text = value.string else { throw wrong(name, value, "a string") }
        return text
    }

    func bool(_ name: String, default standard: Bool) throws(ModelError) -> Bool {
        guard let value = self[name] else { return standard }
        guard let flag = value.bool else { throw wrong(name, value, "true or false") }
        return flag
    }

    func number(_ name: String, default standard: Double? = nil) throws(ModelError) -> Double {
        guard let value = self[name] else {
            guard let standard else { throw .missing(file: file, field: name) }
            return standard
        }
        guard let number = value.double, number.isFinite else { throw wrong(name, value, "a number") }
        return number
    }

    func optionalSize(_ name: String) throws(ModelError) -> Int? {
        guard let value = self[name] else { return nil }
        guard let size = value.integer, 1...(1 << 24) ~= size else {
            throw wrong(name, value, "a positive whole number")
        }
        return size
    }

    func size(_ name: String, default standard: Int? = nil) throws(ModelError) -> Int {
        guard let size = try optionalSize(name) ?? standard else { throw .missing(file: file, field: name) }
        return size
    }

    /// One id or a list of them.
    func tokens(_ name: String) throws(ModelError) -> [Int32] {
        guard let value = self[name] else { return [] }
        let ids = (value.array ?? [value]).map { $0.integer.flatMap { Int32(exactly: $0) } }
        let known = ids.compactMap { $0 }
        guard known.count == ids.count else { throw wrong(name, value, "a token id or a list of them") }
        return known
    }

    /// Refuses any value of a field but the ones whose arithmetic is implemented; an absent field is fine.
    func require(_ name: String, isOneOf allowed: [JSON], supported: String) throws(ModelError) {
        guard let value = object[name], !allowed.contains(value) else { return }
        throw .unsupported(file: file, field: name, found: value.text, supported: supported)
    }

    func requireFullAttention(_ name: String) throws(ModelError) {
        guard let value = self[name] else { return }
        guard let kinds = value.array, kinds.allSatisfy({ $0 == "full_attention" }) else {
            throw .unsupported(file: file, field: name, found: value.text, supported: "full_attention in every layer")
        }
    }

    /// Refuses every field that is neither read nor known to leave the arithmetic of training alone.
    func refuseUnknown(family: Architecture.Family) throws(ModelError) {
        for name in object.names where !ConfigFields.read.contains(name) && !ConfigFields.harmless.contains(name) {
            if let value = object[name], value.isNull || value == false { continue }
            throw .unsupported(
                file: file, field: name, found: object[name]?.text ?? "",
                supported:
                    "the fields of \(family.rawValue) models; if it doesn't change the arithmetic, remove it from config.json"
            )
        }
    }

    func wrong(_ name: String, _ value: JSON, _ expected: String) -> ModelError {
        .wrongType(file: file, field: name, found: value.text, expected: expected)
    }

    private static let read: Set<String> = [
        "model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "vocab_size", "max_position_embeddings", "rms_norm_eps", "initializer_range",
        "tie_word_embeddings", "head_dim", "attention_bias", "mlp_bias", "sliding_window", "use_sliding_window",
        "layer_types", "hidden_act", "pretraining_tp", "rope_theta", "rope_scaling", "rope_parameters",
        "partial_rotary_factor", "eos_token_id",
    ]

    /// Bookkeeping, generation settings and what only matters with dropout, which preference training switches off.
    private static let harmless: Set<String> = [
        "_name_or_path", "_attn_implementation_autoset", "architectures", "attention_dropout", "auto_map",
        "bos_token_id",
        "pad_token_id", "dtype", "torch_dtype", "transformers_version", "use_cache", "max_window_layers", "id2label",
        "label2id", "finetuning_task", "problem_type", "task_specific_params", "tokenizer_class", "prefix",
        "return_dict", "chunk_size_feed_forward", "is_decoder", "sep_token_id", "decoder_start_token_id",
        "max_length", "min_length", "do_sample", "num_beams", "num_beam_groups", "diversity_penalty", "temperature",
        "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
        "encoder_no_repeat_ngram_size", "num_return_sequences", "early_stopping", "forced_bos_token_id",
        "forced_eos_token_id", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens",
        "exponential_decay_length_penalty", "unsloth_version", "unsloth_fixed", "hidden_dropout", "resid_pdrop",
    ]
}
