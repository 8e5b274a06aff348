import Collectives
import Kernels
import Liveness
import Machine
import Modeling
import Objectives
import Preferences
import Rewards
import RunFiles
import Statistics
import Tokenization

/// Takes steps of proximal policy optimization (see `Loss.ppo`). The policy draws a response to each prompt of the step,
/// rewards say what these are worth, and then some updates make what was better than expected likelier.
///
/// All that is known of a step's responses is known on every rank, so means, deviations and advantages are those of the whole
/// step, with the same bits on any number of ranks. How the run goes on from a step hangs on the weights, the optimizer's state
/// and `carried` alone.
package final class PPOLearner: StepLearner {
    package let descent: Descent
    package var carried = CarriedState()
    private let run: TrainingRun
    private let communicator: Communicator
    private let policy: Transformer
    private let reference: LoadedModel
    private let tokenizer: Tokenizer
    private let drawing: ResponseDrawing
    private let scoring: RewardScoring
    private let workspace: Workspace
    private let objective: ClippedObjective

    /// - Throws: on every rank alike. Collective.
    init(_ run: TrainingRun) throws {
        self.run = run
        communicator = run.communicator
        policy = run.policy.transformer
        objective = Loss.clipped(run.file.objective.constants)
        let (file, settings, policy, set) = (run.file, run.file.ppo, policy, run.train.set)
        let (reference, tokenizer, ends) = try run.communicator.failingTogether {
            try PPOLearner.check(run)
            let source = try file.model.referencePath.map { try ModelSource($0) } ?? run.policy.source
            let reference = try LoadedModel(
                reading: source, sharing: run.policy, positions: set.longest, on: run.pool)
            try reference.architecture.requireLanguageModel(source.path)
            let tokenizer = try Tokenizer(directory: run.tokenizerPath)
            return (
                try reference.requireVocabulary(of: run.policy), tokenizer, try run.policy.endTokens(tokenizer)
            )
        }
        (self.reference, self.tokenizer) = (reference, tokenizer)
        policy.temperature = settings.temperature
        reference.transformer.temperature = settings.temperature
        descent = try Descent(run)
        workspace = try run.communicator.failingTogether(status: { _ in 4 }) {
            try Workspace(
                policy.architecture, low: policy.lowRank, extent: run.extent, purpose: run.purpose, on: run.pool)
        }
        // The logits are divided by the temperature already.
        let rules = GenerationRules(
            sampling: Sampling(temperature: 1), maxNewTokens: settings.responseLength, endTokens: ends)
        drawing = try ResponseDrawing(
            policy, texts: run.planner.settings.globalBatchSize,
            longestPrompt: PPOLearner.longestPrompt(run), rules, over: run.communicator)
        scoring = try RewardScoring(
            file.rewards.sources, cacheFolder: nil, sharing: run.policy, on: run.pool, over: run.communicator,
            console: run.console)
    }

    /// The bytes that drawing responses takes where memory is no bound.
    static func drawingBytes(_ run: TrainingRun) -> Int {
        let a = run.policy.architecture
        let plan = GenerationPlan(
            a, texts: run.planner.settings.globalBatchSize, longestPrompt: longestPrompt(run),
            maxNewTokens: run.file.ppo.responseLength, memory: .max)
        return plan?.bytes(a, low: run.policy.transformer.lowRank, threads: run.threads) ?? 0
    }

    static func longestPrompt(_ run: TrainingRun) -> Int {
        run.train.set.comparisons.map(\.prompt.count).max() ?? 1
    }

    /// - Throws: `TrainingError.input`.
    private static func check(_ run: TrainingRun) throws {
        guard run.policy.architecture.logitCap == nil || run.file.ppo.temperature == 1 else {
            throw TrainingError.input(
                "temperature is \(run.file.ppo.temperature): a model with capped logits can only be trained by PPO at 1")
        }
    }

    /// Takes one step.
    ///
    /// - Throws: `TrainingError` on every rank alike; before any weight has changed, unless it is about a later update of the
    ///   step. Collective.
    package func step(_ plan: StepPlan, clock: inout PhaseClock) throws -> StepOutcome {
        let rollouts = try clock.measure(.score) { try draw(plan) }
        let constants = run.file.objective.constants
        var coefficient = KLCoefficient(
            carried.klCoefficient ?? constants.number("kl_coef"), target: run.file.ppo.target)
        let tokens = rollouts.tokens(
            coefficient: coefficient.value, gamma: constants.number("gamma"), lambda: constants.number("lam"),
            whitensRewards: run.file.ppo.whitensRewards)

        let rate = descent.rate(at: plan.step)
        var (updates, norms, stop) = (RolloutMetrics(), [Double](), false)
        for update in self.updates(of: rollouts, in: plan) {
            let sums = try self.update(
                update.plan, rollouts.set, tokens, rate: rate, number: update.number, step: plan.step + 1,
                norms: &norms, clock: &clock)
            let count = update.plan.judgements.reduce(0) { $0 + tokens[$1].count }
            updates.add(RolloutMetrics(responses: update.plan.judgements.count, values: sums.means(tokens: count)))
            stop = stop || sums.shared.stop
        }
        let loss =
            (updates["loss/policy_avg"] ?? 0) + objective.valueWeight * (updates["loss/value_avg"] ?? 0)
        let metrics = [(name: "loss", value: loss)] + rollouts.metrics(coefficient: coefficient.value) + updates.values
        coefficient.update(divergence: rollouts.divergences.reduce(0, +) / Double(rollouts.count))
        if coefficient.target != nil { carried.klCoefficient = coefficient.value }
        return StepOutcome(
            rollouts: RolloutMetrics(responses: rollouts.count, values: metrics),
            norm: norms.reduce(0, +) / Double(max(1, norms.count)), rate: rate, stop: stop)
    }

    // MARK: - Responses

    /// Draws and scores a response to each of the step's prompts. Collective.
    private func draw(_ plan: StepPlan) throws -> Rollouts {
        let prompts = run.train.set
        let comparisons = plan.judgements.map { prompts.responses[prompts.judgements[$0].responses[0]].comparison }
        let key = SplitMix64.mixed(run.file.data.seed ^ SplitMix64.mixed(UInt64(plan.step)))
        let drawn = drawing.draw(comparisons.map { Array(prompts.tokens[prompts.comparisons[$0].prompt]) }, key: key)
        let set = PreferenceSet(
            answering: comparisons, of: prompts, with: drawn.map { responses in responses.map(\.tokens) })
        let states = RolloutScoring(set: set, communicator: communicator, console: run.console)
        let (logps, values) = try states.states(policy, model: run.policy.source.path)
        let references = try states.logps(reference.transformer, model: reference.source.path)

        let rewards = try scoring.rewards(
            of: set.ratedTexts(tokenizer), from: run.file.data.trainFiles[0].path)
        let isFinished = drawn.map { $0[0].isFinished }
        var scores = isFinished.indices.map { response in
            rewards.reduce(0) { $0 + run.file.rewards.weight(of: $1.name) * $1.values[response] }
        }
        try requireFinite(scores, of: set, step: plan.step + 1)
        var paid = scores
        if run.file.ppo.normalizesReward {
            carried.rewardMoments.add(scores)
            paid = scores.map { carried.rewardMoments.normalised($0) }
        }
        for (response, ended) in isFinished.enumerated() where !ended {
            scores[response] -= run.file.ppo.missingEOSPenalty ?? 0
            paid[response] -= run.file.ppo.missingEOSPenalty ?? 0
        }
        return Rollouts(
            set: set, isFinished: isFinished, logps: logps, referenceLogps: references, values: values,
            rewards: rewards, scores: scores, paid: paid)
    }

    private func requireFinite(_ scores: [Double], of set: PreferenceSet, step: Int) throws {
        let wrong = scores.indices.filter { !scores[$0].isFinite }.map { set.comparisons[$0].line }
        guard wrong.isEmpty else { throw TrainingError.nonFinite(step: step, what: "reward", pairs: wrong) }
    }

    // MARK: - Updates

    /// The plans of a step's updates: in each pass over the responses these come in another order, cut into mini-batches.
    private func updates(of rollouts: Rollouts, in plan: StepPlan) -> [(plan: StepPlan, number: Int)] {
        let (settings, whole) = (run.file.ppo, run.planner.settings)
        let size = (whole.globalBatchSize + settings.miniBatches - 1) / settings.miniBatches
        var cut = whole
        cut.globalBatchSize = size
        cut.seed = SplitMix64.mixed(whole.seed &+ UInt64(plan.step))
        cut.shuffle = true
        let planner = StepPlanner(shapes: rollouts.set.shapes, settings: cut)
        let first = plan.step * settings.epochs * settings.miniBatches
        return (0..<settings.epochs).flatMap { pass in
            let epoch = planner.epoch(pass)
            return epoch.steps.enumerated().map { place, step in
                (epoch.plan(step: step), first + pass * settings.miniBatches + place + 1)
            }
        }
    }

    /// One update of the weights. Collective.
    ///
    /// - Parameters:
    ///   - number: of the update, counted from 1 over the whole run.
    ///   - step: counted from 1, for messages.
    private func update(
        _ plan: StepPlan, _ set: PreferenceSet, _ tokens: [[ClippedObjective.Token]], rate: Double, number: Int,
        step: Int, norms: inout [Double], clock: inout PhaseClock
    ) throws -> TokenSums {
        var sums = TokenSums(responses: tokens.count)
        let share = 1 / Double(plan.judgements.reduce(0) { $0 + tokens[$1].count })
        descent.add(plan, clock: &clock) {
            compute(plan.microBatches[$0], set, tokens, share: share, isLast: $1, into: &sums)
        }
        descent.reduce(&sums.shared, clock: &clock)
        guard sums.isFinite else { throw TrainingError.nonFinite(step: step, what: "loss", pairs: []) }
        let norm = try clock.measure(.update) { try descent.checkedNorm(bound: sums.shared.bound, step: step) }
        norms.append(norm)
        descent.update(norm: norm, rate: rate, number: number, clock: &clock)
        return sums
    }

    /// - Parameter share: 1 over the tokens of the update.
    private func compute(
        _ microBatch: PlannedMicroBatch, _ set: PreferenceSet, _ tokens: [[ClippedObjective.Token]], share: Double,
        isLast: Bool, into sums: inout TokenSums
    ) {
        let batch = PackedBatch(set.packed(microBatch), for: policy.architecture)
        descent.gradients.add(isLast: isLast) { gradients, completed in
            policy.step(
                batch, in: workspace, gradients: gradients, completed: completed,
                tokenLoss: { sequence, logps, values, logpGradients, valueGradients in
                    let response = microBatch.comparisons[sequence].comparison
                    for (t, token) in tokens[response].enumerated() {
                        let logp = Double(logps[t])
                        let slope = objective.slope(at: logp, Double(values[t]), of: token)
                        logpGradients[t] = Float(share * slope.logp)
                        valueGradients[t] = Float(share * slope.value)
                        sums.add(slope, change: logp - token.logp, to: response)
                    }
                })
        }
    }
}
