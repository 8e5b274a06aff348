import Storage

/// The inputs of continuations beside their prompts: `origin` of the rows of `generate`, which `annotate` and `pairs` keep.
struct GenerationOrigin {
    let json: JSONObject

    /// - Parameter model: stands for the weights, the adapter's included, wherever they lie.
    init(_ job: GenerationJob, model: Digest.Value) {
        var json: JSONObject = ["model_digest": .string(model.hex), "seed": .integer(Int(truncatingIfNeeded: job.seed))]
        json["temperature"] = job.usesCategoryTemperatures ? "by category" : .number(job.sampling.temperature)
        json["top_p"] = .number(job.sampling.topP)
        json["top_k"] = job.sampling.topK.map { .integer($0) }
        json["max_new_tokens"] = .integer(job.maxNewTokens)
        json["min_new_tokens"] = job.minNewTokens > 0 ? .integer(job.minNewTokens) : nil
        json["stop"] = job.stops.isEmpty ? nil : .array(job.stops.map { .string($0) })
        self.json = json
    }

    /// The same with what else decides what a command writes: a half-written output belongs to it alone.
    func identity(_ job: GenerationJob, of prompts: PromptSet) -> JSONObject {
        var identity = json
        identity["samples"] = .integer(job.samples)
        identity["format"] = .string(job.format.rawValue)
        identity["prompts_digest"] = .string(prompts.digest.hex)
        return identity
    }
}
