import Modeling
import Preferences
import RunFiles

/// The cost of a run on a number of ranks, in units that runs on the same machine share, and its time by them.
package struct RunForecast {
    private let run: RunFile
    private let shapes: [ComparisonShape]
    private let parts: [PreferenceSet.Part]
    private let step: StepCost
    /// Cost of one evaluation by one rank.
    private let evaluationCost: Double
    package let totalSteps: Int

    /// Steps that are planned to see how evenly they spread over ranks.
    private static let sampledSteps = 3
    /// Of a step's time, what it takes several ranks to add up their gradients and to wait for each other.
    private static let togetherness = 0.03

    init(_ run: RunFile, _ rows: RunSetup.Rows) {
        (self.run, shapes, parts) = (run, rows.data.shapes, rows.data.train.parts)
        step = StepCost(rows.shape)
        totalSteps = run.duration.steps(
            stepsPerEpoch: RunForecast.planner(run, shapes, parts, step, ranks: 1).stepsPerEpoch)
        evaluationCost = rows.evaluation.map { evaluation in
            let shapes = evaluation.shapes
            return RunForecast.planner(run, shapes, [], StepCost(rows.shape), ranks: 1)
                .plan(scoring: Array(shapes.indices)).microBatches.reduce(0) { $0 + $1.cost }
        } ?? 0
    }

    private static func planner(
        _ run: RunFile, _ shapes: [ComparisonShape], _ parts: [PreferenceSet.Part], _ cost: StepCost, ranks: Int
    ) -> StepPlanner {
        StepPlanner(
            shapes: shapes,
            settings: .init(
                globalBatchSize: run.batch.pairs(worldSize: ranks),
                microBatchTokens: run.batch.microBatchTokens ?? MicroBatchSize.reproducible, worldSize: ranks,
                reproducible: run.machine.reproducible, shuffle: run.data.shuffle, seed: run.data.seed, cost: cost),
            parts: parts)
    }

    /// The training set's comparisons that occur in a step.
    var comparisons: [Int] {
        let planner = RunForecast.planner(run, shapes, parts, step, ranks: 1)
        guard totalSteps < planner.stepsPerEpoch else { return Array(shapes.indices) }
        let epoch = planner.epoch(0)
        return (0..<totalSteps).flatMap { step in
            epoch.plan(step: step).microBatches.flatMap { $0.comparisons.map(\.comparison) }
        }
    }

    /// Multiply-adds that the slowest of some ranks has one after the other.
    package func cost(onRanks ranks: Int) -> Double {
        let planner = RunForecast.planner(run, shapes, parts, step, ranks: ranks)
        let epoch = planner.epoch(0)
        let sampled = min(RunForecast.sampledSteps, planner.stepsPerEpoch, totalSteps)
        let slowest = (0..<sampled).reduce(0.0) { sum, step in
            let plan = epoch.plan(step: step)
            return sum + (plan.ranks.map { $0.reduce(0) { $0 + plan.microBatches[$1].cost } }.max() ?? 0)
        }
        // Forward, and twice as much backward.
        let steps = 3 * slowest / Double(max(1, sampled)) * Double(totalSteps)
        let evaluations = (0...totalSteps).count { count in
            count == 0 || count == totalSteps
                || run.records.evaluates(after: count, stepsPerEpoch: planner.stepsPerEpoch)
        }
        return (steps + Double(evaluations) * evaluationCost / Double(ranks))
            * (ranks > 1 ? 1 + RunForecast.togetherness : 1)
    }
}
