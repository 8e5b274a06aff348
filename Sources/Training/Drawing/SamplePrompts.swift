import Collectives
import Modeling
import Preferences
import RunFiles
import Tokenization

/// The prompts of a run's `sample_prompts`, read before the first step, on every rank alike.
struct SamplePrompts {
    let rows: [PromptRow]
    let tokenizer: Tokenizer
    let endTokens: Set<Int32>
    /// Answers to each of them.
    let samples: Int
    /// Most tokens of an answer.
    let length: Int

    /// Answers at an evaluation.
    var count: Int { rows.count * samples }
    /// Tokens of the longest prompt.
    var longest: Int { rows.map(\.tokens.count).max() ?? 1 }

    /// Nil for a run without `sample_prompts`.
    /// - Throws: on every rank alike. Collective.
    init?(_ file: RunFile, _ policy: LoadedModel, tokenizerPath: String, over communicator: Communicator) throws {
        let settings = file.samples
        guard let path = settings.promptsFile else { return nil }
        (samples, length) = (settings.count, settings.length)
        let encoder = try file.encoders(tokenizer: tokenizerPath, for: policy.architecture, over: communicator)(path)
        (rows, tokenizer, endTokens) = try communicator.failingTogether {
            let rows = try encoder.prompts(of: path)
            guard let tokenizer = encoder.tokenizer, !rows.isEmpty, rows.allSatisfy({ $0.given != nil }) else {
                throw TrainingError.input(
                    "sample_prompts: \(path): expected at least one prompt of text, and a tokenizer.json beside the model")
            }
            let longest = rows.map(\.tokens.count).max() ?? 1
            if let limit = policy.architecture.hardLimit, longest + settings.length > limit {
                throw TrainingError.input(
                    "sample_prompts: \(path): the longest prompt has \(longest) tokens, which leaves room for "
                        + "\(max(0, limit - longest)) more; set sample_length")
            }
            return (rows, tokenizer, try policy.endTokens(tokenizer))
        }
    }

    /// Bytes that answering takes while it lasts, where memory is no bound.
    func bytes(_ policy: LoadedModel, threads: Int) -> Int {
        let plan = GenerationPlan(
            policy.architecture, texts: count, longestPrompt: longest, maxNewTokens: length, memory: .max)
        return plan?.bytes(policy.architecture, low: policy.transformer.lowRank, threads: threads) ?? 0
    }
}
