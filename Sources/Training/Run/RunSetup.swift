import ChatTemplates
import Checkpoints
import Collectives
import Kernels
import Machine
import Modeling
import Preferences
import RunFiles
import Storage
import Tokenization

/// The stages by which a run comes to its first step. Each needs what those before it found, and is the same on every rank;
/// an error on any rank is an error on all.
struct RunSetup {
    var file: RunFile
    let communicator: Communicator
    let console: Console
    let pool: ThreadPool
    /// CPU levels that the ranks compute at; their bits are equal.
    let cpuLevels: [String]
    /// The inputs that other runs of the job have read already.
    let sharing: SharedInputs?

    // MARK: - Threads

    /// Starts this rank's threads.
    init(_ file: RunFile, over communicator: Communicator, console: Console, sharing: SharedInputs? = nil) throws {
        self.file = file
        self.sharing = sharing
        self.communicator = communicator
        self.console = console
        if file.machine.overlapsReduction == true, !communicator.letsThreadsTakeTurns {
            throw TrainingError.input(
                "overlap_comm: true needs an MPI whose threads may take turns (MPI_THREAD_SERIALIZED), and this one "
                    + "(\(Communicator.libraryVersion)) has it not on all ranks; remove overlap_comm, or use another MPI"
            )
        }
        pool = ThreadPool(
            count: file.machine.threadsPerRank ?? communicator.neighbourhood.cores,
            arithmetic: file.machine.roundsProducts ? .bfloat16 : .float32)
        cpuLevels = Set(communicator.gather(pool.level.rawValue)).sorted()
        console.line(
            "swift-prefopt \(programVersion): \(communicator.size) rank\(communicator.size == 1 ? "" : "s") × "
                + "\(pool.count) thread\(pool.count == 1 ? "" : "s"), kernels of \(cpuLevels.joined(separator: " and ")), run file "
                + "\(file.file)")
        if let way = pool.way {
            console.line("products of linear maps: operands rounded to bfloat16, sums in float32, by \(way.rawValue)")
            let notes = communicator.gather(BFloat16Way.best(at: pool.level).note ?? "")
            for note in Set(notes).sorted() where !note.isEmpty { console.line(note) }
        }
    }

    // MARK: - Rows

    /// The pairs as they were read, and what they were read for.
    struct Rows {
        let source: ModelSource
        /// The policy's, under the head that will be trained.
        let shape: Architecture
        let tokenizerPath: String
        let data: SharedInputs.Data
        /// Tokens of the longest sequence.
        let positions: Int

        var train: PreferenceSet { data.train }
        var evaluation: PreferenceSet? { data.evaluation }
    }

    /// Reads the data files. Of the model only the config is read yet: a wrong row is found before a large model is.
    func rows(mayBeBare: Bool) throws -> Rows {
        let trainFiles = try communicator.failingTogether {
            if communicator.isRoot, let dump = file.machine.debugDump { try FileSystem.makeDirectories(dump) }
            _ = try file.presentEvalFiles()
            return try file.requiredTrainFiles()
        }
        let (source, shape) = try communicator.failingTogether {
            let source = try ModelSource(file.model.path, adapter: file.adapters.path)
            try file.adapters.check(source)
            let base = try Architecture(ModelDirectory(path: source.base, needsWeights: !mayBeBare))
            return (source, try policyShape(source, on: base))
        }
        let tokenizerPath = file.model.tokenizerPath ?? source.tokenizerPath
        let data = DataIdentity(file, tokenizerPath: tokenizerPath, shape: shape)
        let known = sharing?.data.first { $0.identity == data }
        let isNews = known == nil || sharing?.isComplete == true
        if isNews { known?.lines.forEach { console.line($0) } }
        let read = try known ?? read(trainFiles, tokenizerPath, shape, as: data)
        let positions = TrainingRun.positions(file, shape, [read.train] + (read.evaluation.map { [$0] } ?? []))
        if positions > shape.positions, isNews {
            console.line(
                "note: rows of up to \(positions) tokens, but the model was made for \(shape.positions) (max_position_embeddings)"
            )
        }
        return Rows(
            source: source, shape: shape, tokenizerPath: tokenizerPath, data: read, positions: positions)
    }

    private func read(
        _ trainFiles: [DataFile], _ tokenizerPath: String, _ shape: Architecture, as identity: DataIdentity
    ) throws -> SharedInputs.Data {
        let encoders = try file.encoders(tokenizer: tokenizerPath, for: shape, over: communicator)
        var lines: [String] = []
        func load(_ files: [DataFile]) throws -> PreferenceSet {
            var set = try PreferenceSet.load(
                files, encoders, seed: file.data.seed, over: communicator, threads: pool.count, console: console
            ) {
                lines.append($0)
                console.line($0)
            }
            set.shareTokens(over: communicator)
            return set
        }
        let train = try load(trainFiles)
        let evaluation = try file.data.evalFiles.isEmpty ? nil : load(file.data.evalFiles)
        return SharedInputs.Data(identity: identity, train: train, evaluation: evaluation, lines: lines)
    }

    /// The policy's shape: under the head of a reward model if the objective trains one.
    /// - Throws: `TrainingError.input` for a reward model that is to be trained as a language model.
    private func policyShape(_ source: ModelSource, on base: Architecture) throws -> Architecture {
        let (model, objective) = (try source.output(on: base), file.objective)
        if objective.readsRewards { return model.giving(.reward(padding: try source.padding(on: base))) }
        guard !model.isRewardModel else {
            throw TrainingError.input(
                "\(source.base): is a reward model; loss_type \(objective.lossTypes.joined(separator: ", ")) trains a "
                    + "language model: set loss_type: reward, or name another model")
        }
        return objective.judges == .prompts ? model.giving(.logitsAndValues) : model
    }

    // MARK: - Model

    /// Loads the policy, and takes the digests of all models of the run.
    ///
    /// - Parameter needsDigests: whether logps will be looked up by them.
    func model(
        for rows: Rows, mayBeBare: Bool, needsDigests: Bool
    ) throws -> (policy: LoadedModel, trained: Weights, digests: ModelDigests) {
        let quantized = try file.quantize(rows.source.base, over: communicator, on: pool)
        let (policy, trained) = try communicator.failingTogether {
            let policy =
                if file.adapters.areUsed ?? (rows.source.adapter != nil) {
                    try LoadedModel(
                        adapting: rows.source, file.adapters, giving: rows.shape.output, seed: file.data.seed,
                        folder: file.cacheFolder, digest: quantized, drops: !file.adapters.disablesDropout,
                        objectives: file.sampledObjectives,
                        positions: rows.positions, on: pool)
                } else {
                    try LoadedModel(
                        training: rows.source, giving: rows.shape.output, seed: file.data.seed,
                        positions: rows.positions, mayBeBare: mayBeBare, on: pool)
                }
            return (policy, try policy.trained())
        }
        guard needsDigests else { return (policy, trained, ModelDigests()) }
        if let known = sharing?.digests(for: file) { return (policy, trained, known) }
        let digests = try communicator.onRoot { try ModelDigests(file, policy: policy) }
        return (policy, trained, digests ?? ModelDigests())
    }

    // MARK: - Plan

    /// The plan of the steps.
    struct Plan {
        let planner: StepPlanner
        let totalSteps: Int
        /// Of the largest micro-batch.
        let extent: BatchExtent
        /// The training set's comparisons that occur in a step.
        let comparisons: [Int]
        /// The judgements of each step.
        let batches: [[Int]]
    }

    /// Plans all steps, with micro-batches as large as the run file says or memory allows.
    func plan(_ data: SharedInputs.Data, _ policy: LoadedModel, _ trained: Weights) -> Plan {
        let set = data.train
        let shape = policy.architecture
        let planner = StepPlanner(
            shapes: data.shapes,
            settings: .init(
                globalBatchSize: file.batch.pairs(worldSize: communicator.size),
                microBatchTokens: file.batch.microBatchTokens
                    ?? TrainingRun.microBatchTokens(file, policy, trained, set, pool.count, communicator),
                worldSize: communicator.size, reproducible: file.machine.reproducible, shuffle: file.data.shuffle,
                seed: file.data.seed, cost: StepCost(shape)), parts: set.parts)
        let totalSteps = file.duration.steps(stepsPerEpoch: planner.stepsPerEpoch)
        let (surveyed, comparisons, batches) = TrainingRun.survey(planner, steps: totalSteps, set: set, for: shape)
        var extent = surveyed
        // Shorter responses than there is room for are packed otherwise.
        if file.objective.judges == .prompts { extent.widen(toRows: planner.settings.microBatchTokens) }
        return Plan(
            planner: planner, totalSteps: totalSteps, extent: extent, comparisons: comparisons, batches: batches)
    }

    // MARK: - Columns

    /// Fetches or computes what the objective needs of each response beside the policy.
    ///
    /// - Parameters:
    ///   - comparisons: those that the run will come to.
    ///   - batches: the judgements of each of its steps.
    func columns(
        _ set: PreferenceSet, _ comparisons: [Int], _ batches: [[Int]], initial policy: LoadedModel,
        _ digests: ModelDigests, _ positions: Int
    ) throws -> TrainingRun.HeldPairs {
        let column = LogpsColumn(
            communicator: communicator, console: console, cacheFolder: file.cacheFolder, arithmetic: pool.arithmetic)
        return TrainingRun.HeldPairs(
            set: set,
            columns: try ResponseColumns(
                of: set, comparisons: comparisons, batches: batches, run: file, initial: policy, digests: digests,
                using: column, positions: positions, on: pool))
    }
}
