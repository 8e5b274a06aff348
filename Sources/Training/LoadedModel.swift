import Checkpoints
import Kernels
import Modeling
import Preferences
import Storage

/// A model opened from a directory: what several commands need to begin with.
struct LoadedModel {
    let directory: ModelDirectory
    let architecture: Architecture
    let weights: Weights
    let transformer: Transformer

    /// - Parameters:
    ///   - positions: the longest sequence it will see; nil: the model's own limit.
    ///   - mayBeBare: a directory of `config.json` alone is a model with random weights.
    /// - Throws: `CheckpointError`, `ModelError` or `MemoryError`.
    init(path: String, positions: Int? = nil, mayBeBare: Bool = false, on pool: ThreadPool) throws {
        directory = try ModelDirectory(path: path, needsWeights: !mayBeBare)
        architecture = try Architecture(config: directory.config, file: FileSystem.join(path, "config.json"))
        if directory.tensorNames.isEmpty, mayBeBare {
            var random = SplitMix64(state: 0)
            weights = try Weights(random: architecture, using: &random)
        } else {
            weights = try Weights(directory, architecture: architecture, on: pool)
        }
        directory.releasePages()
        transformer = try Transformer(
            architecture, weights: weights, positions: positions ?? architecture.positions, on: pool)
    }

    /// The same weights ready for sequences of up to so many tokens.
    func seeing(positions: Int, on pool: ThreadPool) throws(ModelError) -> Transformer {
        try Transformer(architecture, weights: weights, positions: positions, on: pool)
    }
}

extension LoadedModel {
    /// Refuses a reference or margin model whose token ids can't mean the same.
    func requireVocabulary(of policy: LoadedModel) throws -> LoadedModel {
        guard architecture.vocabulary == policy.architecture.vocabulary else {
            throw TrainingError.input(
                "\(directory.path): its vocabulary has \(architecture.vocabulary) tokens, that of \(policy.directory.path) "
                    + "\(policy.architecture.vocabulary); a reference or margin model must share the policy's tokenizer"
            )
        }
        return self
    }
}
