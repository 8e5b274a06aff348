import Kernels
import Modeling
import RunFiles

/// The reference: the model that the run names, else the initial policy, with the adapter that training goes on from.
///
/// Fresh adapters aren't part of it. They begin as nothing; where `init_lora_weights: false` gives them values, TRL leaves
/// them out too. Its logps are taken before the first step, so the initial policy itself serves, without a copy.
package struct Reference {
    /// The initial policy.
    let initial: LoadedModel
    /// `ref_model_name_or_path`.
    let path: String?

    package init(of run: RunFile, initial: LoadedModel) {
        self.initial = initial
        path = run.model.referencePath
    }

    /// The model ready for sequences of up to so many tokens.
    /// - Throws: `CheckpointError`, `ModelError`, `MemoryError` or `TrainingError`.
    func transformer(positions: Int, on pool: ThreadPool) throws -> Transformer {
        if let path { return try initial.companion(path, positions: positions, on: pool) }
        guard initial.source.adapter != nil else { return try initial.base(positions: positions, on: pool) }
        return try initial.seeing(positions: positions, on: pool)
    }

    /// Says which model it is.
    package var text: String {
        if let path { return "\(path) (ref_model_name_or_path)" }
        let source = initial.source
        return "the initial policy, \(source.base)" + (source.adapter.map { " with the adapter \($0)" } ?? "")
    }
}

extension LoadedModel {
    /// Another model of the run, which shares this one's base if it has the same.
    /// - Throws: also for a model of another vocabulary, and for a language model in place of one that is to give rewards, or the
    ///   other way round.
    func companion(
        _ path: String, givingRewards: Bool = false, positions: Int, on pool: ThreadPool
    ) throws -> Transformer {
        let other = try ModelSource(path)
        guard givingRewards || other != ModelSource(ofBase: source) else { return try base(positions: positions, on: pool) }
        let model = try LoadedModel(reading: other, sharing: self, positions: positions, on: pool)
        if givingRewards {
            try model.requireRewardModel()
        } else {
            try model.architecture.requireLanguageModel(path)
        }
        return try model.requireVocabulary(of: self).transformer
    }
}
