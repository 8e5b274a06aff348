/// A model family: how its `config.json` is read, what its files call the tensors, and what other programs take it for.
///
/// One value per family, in a file of `Families/`. Nothing else knows one family from another: a family that is added
/// has its file and a line of `all`.
package struct Family: Sendable {
    /// `model_type` in `config.json`.
    package let name: String
    let rules: ConfigRules
    package let tensors: TensorNames
    package let gguf: GGUFRules
    /// The beginning of the names of its classes in transformers.
    package let className: String
    /// The end of the name of its class of reward models.
    package static let rewardModelSuffix = "ForSequenceClassification"
    /// The linear modules that PEFT adapts when no configuration says which; nil: it asks.
    package var adapterTargets: [String]?

    /// The families whose `config.json` is understood.
    package static let all: [Family] = [
        .llama, .mistral, .qwen2, .qwen3, .gpt2, .gptNeoX, .gemma, .gemma2, .phi3, .olmo2, .smollm3,
    ]

    /// The family of a `model_type`.
    init?(named name: String) {
        guard let family = Family.all.first(where: { $0.name == name }) else { return nil }
        self = family
    }

    init(
        name: String, className: String, rules: ConfigRules = ConfigRules(), tensors: TensorNames, gguf: GGUFRules,
        adapterTargets: [String]? = nil
    ) {
        (self.name, self.className, self.rules, self.tensors, self.gguf) = (name, className, rules, tensors, gguf)
        self.adapterTargets = adapterTargets
    }
}

extension Family: Equatable {
    package static func == (a: Family, b: Family) -> Bool { a.name == b.name }
}
