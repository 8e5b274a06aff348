import Checkpoints
import Collectives
import Kernels
import Machine
import Modeling
import Preferences
import Rewards
import RunFiles
import Storage

/// A reward that models of this program give, ready to be computed. It is a reward model's number r(x, y), or the implicit
/// reward β (log π(y|x) − log π_ref(y|x)) of a model that was trained on preferences (arXiv 2305.18290, eq. 5 without its
/// constant).
///
/// A text is encoded as a row of training is: by the model's own tokenizer and chat template, with its end token.
struct ModelReward {
    private let model: LoadedModel
    /// With β, of an implicit reward.
    private let reference: (model: LoadedModel, beta: Double)?
    private let encoding: TextEncoding
    private let pool: ThreadPool
    /// The key of a reward beside the two texts: the models' weights and how they read a text. Known on rank 0.
    private let content: String
    /// The notes to be told before the reward's first use.
    let notes: [String]

    /// - Parameters:
    ///   - other: a loaded model, whose base is shared where it is this reward's too.
    ///   - digests: whether `content` is needed, for which all weights are read.
    /// - Throws: `CheckpointError`, `ModelError`, `TokenizerError` or `TrainingError`.
    init(
        _ source: RewardSource, name: String, sharing other: LoadedModel?, digesting digests: Bool, on pool: ThreadPool
    ) throws {
        let (path, implicit) = try Self.parts(of: source)
        let place = try ModelSource(FolderKind(path).finalModel ?? path)
        model = try LoadedModel(reading: place, sharing: other, positions: 1, on: pool)
        encoding = try TextEncoding(folder: place.tokenizerPath)
        guard encoding.tokenizer != nil else {
            throw TrainingError.input(
                "\(path): has no tokenizer.json, and a reward is given to texts; put that of the model beside it")
        }
        self.pool = pool
        var content = "\(pool.arithmetic.rawValue) \(digests ? try Self.digest(of: place) : "")"
        if let implicit {
            try model.architecture.requireLanguageModel(path)
            let (origin, why) = try Self.reference(implicit.reference, of: path, place)
            let start = try ModelSource(FolderKind(origin).finalModel ?? origin)
            let loaded = try LoadedModel(reading: start, sharing: model, positions: 1, on: pool)
            try loaded.architecture.requireLanguageModel(origin)
            try Training.requireVocabulary(of: start.tokenizerPath, place.tokenizerPath)
            reference = (try loaded.requireVocabulary(of: model), implicit.beta)
            notes = ["reward \(name): \(implicit.beta) × (log π of \(path) − log π_ref of \(origin)\(why))"]
            content += " \(implicit.beta) \(digests ? try Self.digest(of: start) : "")"
        } else {
            try model.requireRewardModel()
            reference = nil
            notes = []
        }
        self.content = content
    }

    /// The models that a reward asks, as far as they can be found: none for one of texts.
    static func sources(of source: RewardSource) -> [ModelSource] {
        guard !source.isOfText, let (path, implicit) = try? parts(of: source),
            let model = try? ModelSource(FolderKind(path).finalModel ?? path)
        else { return [] }
        guard let implicit, let (origin, _) = try? reference(implicit.reference, of: path, model),
            let start = try? ModelSource(FolderKind(origin).finalModel ?? origin)
        else { return [model] }
        return [model, start]
    }

    /// The name of its rewards in the cache, the same on every rank. Collective.
    func identity(over communicator: Communicator) -> String { communicator.broadcast("model 1 " + content) }

    private static func parts(
        of source: RewardSource
    ) throws -> (path: String, implicit: (reference: String?, beta: Double)?) {
        switch source {
        case .model(let path): (path, nil)
        case .implicit(let path, let reference, let beta): (path, (reference, beta))
        case .length, .lexicon, .command, .endpoint:
            throw TrainingError.input("a reward of texts has no model to load")
        }
    }

    /// The model that an implicit reward is measured against, and how it is known.
    private static func reference(
        _ given: String?, of path: String, _ source: ModelSource
    ) throws -> (path: String, why: String) {
        if let given { return (given, "") }
        for folder in [path, FileSystem.parent(of: path)] {
            let file = FileSystem.join(folder, "run.yaml")
            guard FileSystem.exists(file) else { continue }
            let run = try RunFile(bytes: FileSystem.read(file), file: file)
            return (run.model.referencePath ?? run.adapters.path ?? run.model.path, ", the reference of \(file)")
        }
        if source.adapter != nil { return (source.base, ", its base") }
        throw TrainingError.input(
            "implicit:\(path): what was its reference when it was trained? No run.yaml beside it says so; add ,reference=DIR")
    }

    /// Stands for what a model computes of a text: its weights and all that is written beside its tokenizer.
    private static func digest(of source: ModelSource) throws -> String {
        var digest = Digest()
        digest.update(field: try source.contentDigest().hex)
        for folder in Set([source.base, source.tokenizerPath]).sorted() {
            for name in try FileSystem.list(folder).sorted() where name.hasSuffix(".json") || name.hasSuffix(".jinja") {
                digest.update(field: name)
                digest.update(field: Digest.of(try FileSystem.read(FileSystem.join(folder, name))).hex)
            }
        }
        return digest.finish().hex
    }

    // MARK: - Texts

    /// Encodes this rank's texts, those of one prompt together.
    /// - Parameters:
    ///   - first: the number of the first prompt among those of all ranks.
    ///   - file: what messages call the texts' origin.
    /// - Throws: `PreferenceError` or `TrainingError.input`, for a text that the model can't see as a whole.
    func encode(_ prompts: [ArraySlice<RatedText>], first: Int, from file: String) throws -> EncodedRows {
        let a = model.architecture
        var rule = EncodingRule(
            maxLength: a.positions, truncation: .error, judges: nil, vocabularySize: a.vocabulary)
        rule.keepsEmptyResponses = true
        let encoder = RowEncoder(encoding, rule: rule, file: file)
        var rows = EncodedRows(scoreNames: [])
        let memory = encoder.makeMemory()
        for (number, texts) in prompts.enumerated() {
            guard let head = texts.first else { continue }
            do throws(PreferenceError) {
                rows.append(
                    try encoder.encode(
                        prompt: head.prompt, responses: texts.map(\.response), line: head.row, row: first + number,
                        memory: memory))
            } catch {
                guard case .tooLong(let place, let tokens, let limit) = error else { throw error }
                throw TrainingError.input(
                    "\(place): prompt and response have \(tokens) tokens, and \(model.source.path) sees \(limit) "
                        + "(max_position_embeddings); leave the row out, or generate shorter responses")
            }
        }
        return rows
    }

    /// Rewards of the responses of some comparisons of a set; 0 for the others.
    /// - Throws: `TrainingError.nonFiniteScore`, on every rank alike. Collective.
    func rewards(
        of set: PreferenceSet, _ comparisons: [Int], over communicator: Communicator, console: Console
    ) throws -> [Double] {
        let scoring = ResponseScoring(set: set, communicator: communicator, console: console)
        func scores(_ model: LoadedModel) throws -> [Double] {
            let transformer = try communicator.failingTogether { try model.seeing(positions: set.longest, on: pool) }
            return try scoring.logps(of: comparisons, with: transformer, title: nil, model: model.source.path)
        }
        let policy = try scores(model)
        guard let reference else { return policy }
        return zip(policy, try scores(reference.model)).map { reference.beta * ($0 - $1) }
    }
}
