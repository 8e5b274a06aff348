import Checkpoints
import Collectives
import Kernels
import Liveness
import Machine
import Modeling
import Preferences
import RunFiles

/// Everything that a run needs before its first step: the policy, the pairs, their columns, the plan and its size. Built
/// alike on every rank; an error on any rank is an error on all.
package struct TrainingRun {
    /// With `micro_batch_tokens` as chosen.
    package private(set) var file: RunFile
    package let communicator: Communicator
    package let console: Console
    package let threads: Int
    package let pool: ThreadPool
    /// CPU levels that the ranks compute at; their bits are equal.
    let cpuLevels: [String]
    package let policy: LoadedModel
    /// The policy's trained vector.
    package let trained: Weights
    let digests: ModelDigests
    package let tokenizerPath: String
    /// The lines that told what became of each data file.
    package let dataLines: [String]
    package let train: HeldPairs
    package let evaluation: HeldPairs?
    let samples: SamplePrompts?
    package let planner: StepPlanner
    package let totalSteps: Int
    /// Of the largest micro-batch.
    let extent: BatchExtent
    /// Seconds from the start of the process until the run was ready, by phase.
    let clock: PhaseClock

    /// The division of the optimizer's state among the ranks.
    var shares: Shards {
        Optimizer.shares(count: trained.count, zeroStage: file.machine.zeroStage, ranks: communicator.size)
    }

    /// The buckets of the gradients that are summed over ranks while the backward pass goes on; nil: all at its end.
    var gradientBuckets: [Range<Int>]? {
        let machine = file.machine
        guard communicator.size > 1, machine.zeroStage == 0, communicator.letsThreadsTakeTurns,
            machine.overlapsReduction ?? (communicator.nodes.count > 1)
        else { return nil }
        let buckets = BackgroundSum.buckets(
            count: trained.count, bytes: GradientVector.summedBytes(reproducible: machine.reproducible),
            nodes: communicator.nodes.count)
        return buckets.count > 1 ? buckets : nil
    }

    var purpose: Workspace.Purpose { TrainingRun.purpose(file) }

    private static func purpose(_ file: RunFile) -> Workspace.Purpose {
        .training(recompute: file.machine.gradientCheckpointing)
    }

    /// Pairs and what the objective needs of them beside the policy.
    package struct HeldPairs {
        package let set: PreferenceSet
        let columns: ResponseColumns
    }

    /// Loads and checks; computes what isn't cached.
    ///
    /// - Parameters:
    ///   - computingColumns: false to leave out reference logps and margin rewards, for a look at the data: such a run
    ///     can't be trained.
    ///   - mayBeBare: a policy of `config.json` alone gets random weights.
    ///   - sharing: what runs of the same job have in common.
    /// Collective.
    package init(
        _ file: RunFile, over communicator: Communicator, console: Console, computingColumns: Bool = true,
        mayBeBare: Bool = false, sharing: SharedInputs? = nil
    ) throws {
        self.file = file
        self.communicator = communicator
        self.console = console
        var clock = PhaseClock.sinceProcessBegan()

        var setup = try RunSetup(file, over: communicator, console: console, sharing: sharing)
        (pool, threads, cpuLevels) = (setup.pool, setup.pool.count, setup.cpuLevels)

        let rows = try clock.measure(.data) { try setup.rows(mayBeBare: mayBeBare) }
        (tokenizerPath, dataLines) = (rows.tokenizerPath, rows.data.lines)

        let model = try clock.measure(.load) {
            try setup.model(for: rows, mayBeBare: mayBeBare, needsDigests: computingColumns)
        }
        (policy, trained, digests) = model

        samples = try clock.measure(.data) {
            try SamplePrompts(file, model.policy, tokenizerPath: rows.tokenizerPath, over: communicator)
        }

        let plan = clock.measure(.plan) { setup.plan(rows.data, model.policy, model.trained) }
        (planner, totalSteps, extent) = (plan.planner, plan.totalSteps, plan.extent)
        self.file.batch.microBatchTokens = plan.planner.settings.microBatchTokens

        let pairs = try clock.measure(.score) {
            func hold(_ set: PreferenceSet, _ comparisons: [Int], _ batches: [[Int]]) throws -> HeldPairs {
                guard computingColumns else { return HeldPairs(set: set, columns: ResponseColumns()) }
                return try setup.columns(set, comparisons, batches, initial: model.policy, model.digests, rows.positions)
            }
            let train = try hold(rows.train, plan.comparisons, plan.batches)
            // Factors are those of the training rows wherever they are used.
            let factors = train.columns.scales.map { ($0.name, $0.factor) }
            setup.file = setup.file.settingScales(Dictionary(factors) { $1 })
            return (
                train: train,
                evaluation: try rows.evaluation.map {
                    try hold($0, Array($0.comparisons.indices), [Array($0.judgements.indices)])
                }
            )
        }
        (train, evaluation) = (pairs.train, pairs.evaluation)
        self.file = self.file.settingScales(Dictionary(train.columns.scales.map { ($0.name, $0.factor) }) { $1 })
        self.clock = clock
    }

    /// Most tokens of a prompt with a response that the run asks a model for. Where responses stand behind other prompts too,
    /// they are cut to `max_length`.
    package static func positions(_ file: RunFile, _ shape: Architecture, _ sets: [PreferenceSet]) -> Int {
        let longest = sets.map(\.longest).max() ?? 0
        guard file.objective.needs(.mismatchedLogRatio) else { return longest }
        return max(longest, min(file.maxLength(for: shape), sets.map(\.longestMismatched).max() ?? 0))
    }

    /// Collective.
    static func microBatchTokens(
        _ file: RunFile, _ policy: LoadedModel, _ trained: Weights, _ set: PreferenceSet, _ threads: Int,
        _ communicator: Communicator
    ) -> Int {
        if file.machine.reproducible { return MicroBatchSize.reproducible }
        let count = trained.count
        let resident =
            GradientVector.bytes(count: count, reproducible: false)
            + Optimizer.bytes(
                OptimizerState(file.optimizer.kind, table: trained.table),
                of: Optimizer.shares(count: count, zeroStage: file.machine.zeroStage, ranks: communicator.size)[0])
        let longest = set.shapes.lazy.map { $0.promptLength + $0.responseLengths.reduce(0, +) }.max() ?? 1
        return MicroBatchSize.chosen(
            for: policy.architecture, low: policy.transformer.lowRank, purpose: purpose(file), resident: resident,
            longest: longest, keys: set.longest,
            threads: threads, over: communicator)
    }

    /// Looks at all steps to come: the extent of the largest micro-batch, which comparisons occur, and the judgements of
    /// each step.
    static func survey(
        _ planner: StepPlanner, steps: Int, set: PreferenceSet, for shape: Architecture
    ) -> (extent: BatchExtent, comparisons: [Int], batches: [[Int]]) {
        var extent = BatchExtent()
        var batches: [[Int]] = []
        var occurs = [Bool](repeating: false, count: set.comparisons.count)
        for first in stride(from: 0, to: steps, by: max(1, planner.stepsPerEpoch)) {
            // In file order all epochs are alike.
            if first > 0, planner.repeatsEpochs { break }
            let epoch = planner.epoch(first / planner.stepsPerEpoch)
            for step in first..<min(steps, first + planner.stepsPerEpoch) {
                let plan = epoch.plan(step: step)
                batches.append(plan.judgements)
                for microBatch in plan.microBatches {
                    extent.formUnion(BatchExtent(set.packed(microBatch), for: shape))
                    for planned in microBatch.comparisons { occurs[planned.comparison] = true }
                }
            }
        }
        return (extent, occurs.indices.filter { occurs[$0] }, batches)
    }
}
