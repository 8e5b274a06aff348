import Collectives
import Kernels
import Machine
import Modeling
import Preferences
import Rewards
import RunFiles
import Statistics
import Storage
import Tokenization
import Training

/// Draws policies' responses to a set of prompts and says what these are worth and how far their policy is from a reference.
///
/// Every policy draws by the same random numbers, so that differences between policies vary less than each by itself.
final class PolicyJudge {
    /// The prompts, each with room for a response.
    let prompts: PreferenceSet
    let tokenizer: Tokenizer
    let pool: ThreadPool
    let responseLength: Int
    private let reference: LoadedModel
    private let ends: Set<Int32>
    private let file: String
    private let key: UInt64
    private let communicator: Communicator
    private let quiet = Console(speaks: false)

    /// - Parameters:
    ///   - model: the reference's folder.
    ///   - file: of rows with prompts.
    ///   - count: how many of the first usable rows are taken.
    /// - Throws: on every rank alike. Collective.
    init(
        reference model: String, prompts file: String, count: Int, responseLength: Int, seed: UInt64, on pool: ThreadPool,
        over communicator: Communicator
    ) throws {
        (self.pool, self.communicator, self.responseLength, self.file) = (pool, communicator, responseLength, file)
        key = SplitMix64.mixed(seed)
        let (reference, tokenizer, encoder) = try communicator.failingTogether {
            let source = try ModelSource(model)
            let loaded = try LoadedModel(reading: source, positions: 1, on: pool)
            try loaded.architecture.requireLanguageModel(model)
            let encoding = try TextEncoding(folder: source.tokenizerPath)
            guard let tokenizer = encoding.tokenizer else {
                throw TrainingError.input("\(source.tokenizerPath): there is no tokenizer.json, and rewards are given to texts")
            }
            var rule = EncodingRule(
                maxLength: loaded.architecture.positions, judges: .prompts,
                vocabularySize: loaded.architecture.vocabulary)
            rule.responseLength = responseLength
            return (loaded, tokenizer, RowEncoder(encoding, rule: rule, file: file))
        }
        let all = try PreferenceSet.load(
            file, encoder: encoder, over: communicator, threads: pool.count, console: quiet)
        try communicator.failingTogether { try all.requireJudgements(file: file) }
        let rows = Array(all.comparisons.indices.prefix(count))
        prompts = PreferenceSet(
            answering: rows, of: all,
            with: rows.map { _ in [Array(repeating: 0, count: responseLength)] })
        (self.reference, self.tokenizer) = (reference, tokenizer)
        ends = try communicator.failingTogether { try reference.endTokens(tokenizer) }
    }

    /// Tokens of a prompt with the longest response.
    var positions: Int { prompts.longest }

    /// Opens a policy: a model's folder or an adapter's.
    /// - Throws: on every rank alike. Collective.
    func open(_ path: String) throws -> LoadedModel {
        try communicator.failingTogether {
            let source = try ModelSource(path)
            return try LoadedModel(reading: source, sharing: reference, positions: positions, on: pool)
                .requireVocabulary(of: reference)
        }
    }

    /// A policy's responses to the first prompts.
    ///
    /// - Parameters:
    ///   - count: of prompts; nil: all.
    ///   - samples: responses to each.
    ///   - salt: tells one set of draws from another.
    /// - Throws: on every rank alike. Collective.
    func responses(
        of policy: LoadedModel, count: Int? = nil, samples: Int = 1, temperature: Double = 1, salt: UInt64 = 0
    ) throws -> PreferenceSet {
        let rows = Array(prompts.comparisons.indices.prefix(count ?? .max))
        let texts = rows.map { Array(prompts.tokens[prompts.comparisons[$0].prompt]) }
        let transformer = try communicator.failingTogether { try policy.seeing(positions: positions, on: pool) }
        let drawing = try ResponseDrawing(
            transformer, texts: rows.count * samples, longestPrompt: texts.map(\.count).max() ?? 1,
            GenerationRules(
                sampling: Sampling(temperature: temperature), maxNewTokens: responseLength, endTokens: ends),
            over: communicator)
        let drawn = drawing.draw(texts, samples: samples, key: key ^ SplitMix64.mixed(salt))
        return PreferenceSet(answering: rows, of: prompts, with: drawn.map { $0.map(\.tokens) })
    }

    /// Rewards of all responses of a set.
    /// - Throws: on every rank alike. Collective.
    func rewards(of set: PreferenceSet, by scoring: RewardScoring) throws -> [Double] {
        try scoring.rewards(of: set.ratedTexts(tokenizer), from: file).first?.values ?? []
    }

    /// The divergence of a policy from the reference along its own responses.
    /// - Throws: on every rank alike. Collective.
    func divergence(of policy: LoadedModel, along set: PreferenceSet) throws -> SequenceDivergence {
        let models = try communicator.failingTogether {
            try [policy, reference].map { try $0.seeing(positions: positions, on: pool) }
        }
        return try SequenceDivergence(
            of: set, policy: models[0], reference: models[1], over: communicator, console: quiet)
    }
}
