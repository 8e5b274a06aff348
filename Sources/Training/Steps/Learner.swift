import Collectives
import Kernels
import Liveness
import Machine
import Modeling
import Objectives
import Preferences
import RunFiles
import Statistics

/// One optimizer step: compute this rank's micro-batches of judged responses, reduce once, update.
///
/// Everything that decides how the run goes on (losses, norms, signals) comes out as the same number on all ranks.
package final class Learner: StepLearner {
    package let descent: Descent
    private let transformer: Transformer
    private let run: TrainingRun
    private let communicator: Communicator
    private let objective: Objective
    private let set: PreferenceSet
    private let workspace: Workspace
    package var carried = CarriedState()

    /// - Throws: on every rank alike. Collective.
    package init(_ run: TrainingRun) throws {
        self.run = run
        communicator = run.communicator
        objective = run.file.objective
        set = run.train.set
        transformer = run.policy.transformer
        descent = try Descent(run)
        let (policy, transformer) = (run.policy, transformer)
        workspace = try run.communicator.failingTogether(status: { _ in 4 }) {
            try Workspace(
                policy.architecture, low: transformer.lowRank, extent: run.extent, purpose: run.purpose, on: run.pool)
        }
    }

    /// Takes one step.
    ///
    /// - Throws: `TrainingError.nonFinite` or `.gradientTooLarge` on every rank alike, before any weight has changed.
    ///   Collective.
    package func step(_ plan: StepPlan, clock: inout PhaseClock) throws -> StepOutcome {
        // What losses compare rewards with, then this rank's micro-batches, then the sums over ranks.
        let statistics = try clock.measure(.score) { try self.statistics(of: plan) }
        var results = StepResults(responses: plan.judgements.map { set.judgements[$0].responses.count })
        descent.add(plan, clock: &clock) { compute(plan, $0, statistics, isLast: $1, into: &results) }
        descent.reduce(&results.shared, clock: &clock)

        let judgements = plan.judgements.indices.map { evaluate(results, position: $0, of: plan, in: statistics) }
        let norm = try clock.measure(.update) { try checkedNorm(results, judgements, step: plan.step + 1) }
        try clock.measure(.log) { try dump(plan.step + 1, judgements) }

        let rate = descent.rate(at: plan.step)
        descent.update(norm: norm, rate: rate, number: plan.step + 1, clock: &clock)
        return StepOutcome(judgements: judgements, norm: norm, rate: rate, stop: results.shared.stop)
    }

    /// The statistics of the whole batch that the losses read before any of its gradients, for each part of the step.
    /// Collective.
    private func statistics(of plan: StepPlan) throws -> [BatchStatistics] {
        let batch = plan.judgements.map { set.judgements[$0] }
        var statistics = BatchStatistics(meanLength: 0)
        let scoring = LogRatioScoring(
            set: set, columns: run.train.columns, communicator: communicator, console: run.console)
        if objective.needs(.mismatchedLogRatio) {
            statistics.mismatchedLogRatio = try scoring.mismatched(
                batch, with: transformer, model: run.file.model.path)
        }
        if objective.needs(.runningLogRatio) {
            carried.runningLogRatio.add(try scoring.all(batch, with: transformer, model: run.file.model.path))
            statistics.runningLogRatio = carried.runningLogRatio.value
        }
        return plan.parts.map { part in
            var own = statistics
            own.meanLength = set.meanLength(ofBest: plan.judgements[part.positions])
            return own
        }
    }

    private func compute(
        _ plan: StepPlan, _ index: Int, _ statistics: [BatchStatistics], isLast: Bool, into results: inout StepResults
    ) {
        let microBatch = plan.microBatches[index]
        let batch = PackedBatch(
            set.packed(microBatch), for: transformer.architecture, dropoutKeys: dropoutKeys(plan, microBatch),
            weights: run.train.columns.sampling.map { sampling in
                microBatch.comparisons.map { sampling.floats(of: $0.comparison, in: set, step: plan.step) }
            })
        descent.gradients.add(isLast: isLast) { values, completed in
            transformer.step(
                batch, in: workspace, gradients: values, completed: completed
            ) { sequence, logps, derivatives in
                let planned = microBatch.comparisons[sequence]
                let first = set.comparisons[planned.comparison].responses.lowerBound
                for (number, position) in zip(planned.judgements, planned.positions) {
                    let judgement = set.judgements[number]
                    let places = judgement.responses.map { planned.place(ofResponse: $0 - first) }
                    let input = input(judgement, places.map { logps[$0] }, step: plan.step)
                    let output = objective.evaluate(input, in: statistics[plan.part(of: position)])
                    let share = plan.share(of: position)
                    for (place, gradient) in zip(places, output.gradients) { derivatives[place] += share * gradient }
                    results[position] = input.responses.map(\.logps)
                }
            }
        }
    }

    private func input(_ judgement: Judgement, _ logps: [Double], step: Int) -> JudgementInput {
        run.train.columns.input(judgement, in: set, logps: logps, step: step)
    }

    /// The keys by which a comparison's rows drop in a step, wherever they are computed.
    private func dropoutKeys(_ plan: StepPlan, _ microBatch: PlannedMicroBatch) -> [UInt64]? {
        guard !run.file.adapters.disablesDropout else { return nil }
        let key = SplitMix64.mixed(run.file.data.seed ^ SplitMix64.mixed(UInt64(plan.step)))
        return microBatch.comparisons.map { SplitMix64.mixed(key ^ UInt64($0.comparison)) }
    }

    private func evaluate(
        _ results: StepResults, position: Int, of plan: StepPlan, in statistics: [BatchStatistics]
    ) -> JudgementResult {
        let judgement = set.judgements[plan.judgements[position]]
        let input = input(judgement, results[position], step: plan.step)
        let comparison = set.comparison(of: judgement)
        return JudgementResult(
            row: comparison.row, line: comparison.line, input: input,
            output: objective.evaluate(input, in: statistics[plan.part(of: position)]),
            lossWeight: plan.lossWeight(of: position),
            weights: run.train.columns.weights(of: judgement, in: set, step: plan.step))
    }

    private func checkedNorm(
        _ results: StepResults, _ judgements: [JudgementResult], step: Int
    ) throws -> Double {
        let wrong = judgements.filter { !$0.output.loss.isFinite }.map(\.line)
        guard wrong.isEmpty else { throw TrainingError.nonFinite(step: step, what: "loss", pairs: wrong) }
        return try descent.checkedNorm(bound: results.shared.bound, step: step)
    }

    private func dump(_ step: Int, _ judgements: [JudgementResult]) throws {
        guard let path = run.file.machine.debugDump else { return }
        let (gradients, optimizer) = (descent.gradients, descent.optimizer)
        if descent.isSharded {
            communicator.gather(
                UnsafeMutableBufferPointer(start: gradients.values, count: gradients.count),
                fromOwnersOf: optimizer.shares)
        }
        defer { if descent.isSharded { gradients.clear(outside: optimizer.share) } }
        try communicator.onRoot {
            try DebugDump(folder: path).write(
                step: step, gradients: gradients, table: descent.weights.table, judgements: judgements,
                objective: objective)
        }
    }
}
