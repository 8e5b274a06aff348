import Storage

/// The fields of a `config.json`, read with their types checked, so that every complaint names file and field. It keeps
/// account of what was read: the rest is refused.
final class ConfigFields {
    let object: JSONObject
    let file: String
    private var read: Set<String> = []

    init(object: JSONObject, file: String) {
        self.object = object
        self.file = file
    }

    /// A field's value; absent and null are mostly the same in Hugging Face's configs (else see `has`).
    subscript(name: String) -> JSON? {
        read.insert(name)
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    /// Whether the field is there, if only as null.
    func has(_ name: String) -> Bool {
        read.insert(name)
        return object[name] != nil
    }

    /// Marks a field that the model's own code doesn't read either.
    func ignore(_ name: String) { read.insert(name) }

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

    func optionalNumber(_ name: String) throws(ModelError) -> Double? {
        guard let value = self[name] else { return nil }
        guard let number = value.double, number.isFinite else { throw wrong(name, value, "a number") }
        return number
    }

    func number(_ name: String, default standard: Double? = nil) throws(ModelError) -> Double {
        guard let number = try optionalNumber(name) ?? standard else { throw .missing(file: file, field: name) }
        return number
    }

    /// A list of `count` positive numbers.
    func numbers(_ name: String, count: Int) throws(ModelError) -> [Double] {
        guard let value = self[name] else { throw .missing(file: file, field: name) }
        let numbers = (value.array ?? []).compactMap(\.double)
        guard numbers.count == count, numbers.count == value.array?.count, numbers.allSatisfy({ $0 > 0 && $0.isFinite })
        else { throw wrong(name, value, "a list of \(count) positive numbers") }
        return numbers
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

    /// A whole number from 0.
    func whole(_ name: String, default standard: Int) throws(ModelError) -> Int {
        guard let value = self[name] else { return standard }
        guard let number = value.integer, number >= 0 else { throw wrong(name, value, "a whole number from 0") }
        return number
    }

    /// One id or a list of them.
    func tokens(_ name: String) throws(ModelError) -> [Int32] {
        guard let value = self[name] else { return [] }
        let ids = (value.array ?? [value]).map { $0.integer.flatMap { Int32(exactly: $0) } }
        let known = ids.compactMap { $0 }
        guard known.count == ids.count else { throw wrong(name, value, "a token id or a list of them") }
        return known
    }

    /// Refuses every field that was neither read nor is known to leave the arithmetic of training alone.
    func refuseUnread(family: Family) throws(ModelError) {
        try refuseUnread(
            beyond: ConfigFields.harmless,
            supported: "the fields of \(family.name) models; if it doesn't change the arithmetic, remove it from "
                + "config.json")
    }

    /// Refuses every field that says anything and was neither read nor is one of those known to be harmless.
    func refuseUnread(beyond harmless: Set<String>, supported: String) throws(ModelError) {
        for name in object.names where !read.contains(name) && !harmless.contains(name) {
            if let value = object[name], value.isNull || value == false { continue }
            throw .unsupported(file: file, field: name, found: object[name]?.text ?? "", supported: supported)
        }
    }

    func wrong(_ name: String, _ value: JSON, _ expected: String) -> ModelError {
        .wrongType(file: file, field: name, found: value.text, expected: expected)
    }

    /// Bookkeeping, generation settings, how a model was split over machines (`pretraining_tp`: the same sums in parts),
    /// and what only matters with dropout, which preference training switches off.
    private static let harmless: Set<String> = [
        "_name_or_path", "_attn_implementation_autoset", "architectures", "attention_dropout", "auto_map",
        "bos_token_id", "pad_token_id", "dtype", "torch_dtype", "transformers_version", "use_cache", "id2label",
        "label2id", "num_labels", "finetuning_task", "problem_type", "task_specific_params", "tokenizer_class",
        "prefix",
        "return_dict", "chunk_size_feed_forward", "is_decoder", "sep_token_id", "decoder_start_token_id",
        "max_length", "min_length", "do_sample", "num_beams", "num_beam_groups", "diversity_penalty", "temperature",
        "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
        "encoder_no_repeat_ngram_size", "num_return_sequences", "early_stopping", "forced_bos_token_id",
        "forced_eos_token_id", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens",
        "exponential_decay_length_penalty", "unsloth_version", "unsloth_fixed", "pretraining_tp",
        "max_window_layers",
        "hidden_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "classifier_dropout", "summary_type",
        "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout", "n_ctx",
        "reorder_and_upcast_attn", "cache_implementation", "is_llama_config",
    ]
}
