import Collectives
import Kernels
import Liveness
import Modeling
import RunFiles

/// The trained vector on its way down a gradient that all ranks compute: every rank adds its micro-batches, the ranks reduce
/// once, and each updates its replica; or with `zero_stage: 1` its share of it, and takes the others' from them.
package final class Descent {
    let weights: Weights
    let optimizer: Optimizer
    let gradients: GradientVector
    private let communicator: Communicator
    private let settings: RunFile.Optimizer
    private let schedule: Schedule
    private let pool: ThreadPool
    /// Partial sums of the gradient's squares.
    private var squares: [Double]

    /// - Throws: on every rank alike. Collective.
    init(_ run: TrainingRun) throws {
        (communicator, pool, weights) = (run.communicator, run.pool, run.trained)
        settings = run.file.optimizer
        let (pool, machine, weights) = (run.pool, run.file.machine, run.trained)
        gradients = try GradientVector(
            count: weights.count, reproducible: machine.reproducible, wire: .init(machine.gradientFormat),
            inBackground: run.gradientBuckets, over: run.communicator, on: pool)
        optimizer = try run.communicator.failingTogether(status: { _ in 4 }) {
            try Optimizer(
                run.file.optimizer, table: weights.table, shares: run.shares, rank: run.communicator.rank, on: pool)
        }
        squares = [Double](repeating: 0, count: GradientSum.runs(weights.count))
        schedule = Schedule(settings.schedule, warmup: settings.warmup, totalSteps: run.totalSteps)
    }

    var isSharded: Bool { optimizer.shares.ranks > 1 }

    /// The learning rate of a step, counted from 0.
    func rate(at step: Int) -> Double { settings.learningRate * schedule.factor(at: step) }

    /// The sum over all ranks, where each needs it. Collective.
    func reduce() { gradients.reduce(over: communicator, toOwnersOf: optimizer.shares) }

    /// The reduced gradient's norm.
    ///
    /// - Parameters:
    ///   - bound: of the exact sums, over all ranks.
    ///   - step: counted from 1, for messages.
    /// - Throws: `TrainingError.nonFinite` or `.gradientTooLarge` on every rank alike. Collective.
    func checkedNorm(bound: Double, step: Int) throws -> Double {
        guard bound.isFinite else { throw TrainingError.nonFinite(step: step, what: "gradient", pairs: []) }
        guard bound < ExactSum.limit else { throw TrainingError.gradientTooLarge(step: step, bound: bound) }
        let norm = sharedNorm()
        guard norm.isFinite else { throw TrainingError.nonFinite(step: step, what: "gradient", pairs: []) }
        return norm
    }

    /// The same bits on any number of ranks that own the gradients. Collective.
    private func sharedNorm() -> Double {
        guard isSharded else { return GradientSum.norm(gradients.values, count: gradients.count, on: pool) }
        squares.withUnsafeMutableBufferPointer { partial in
            partial.update(repeating: 0)
            GradientSum.squares(gradients.values, range: optimizer.share, into: partial.baseAddress!, on: pool)
        }
        communicator.sum(&squares)
        return squares.reduce(0, +).squareRoot()
    }

    /// Clips the reduced gradient and updates the weights. Collective.
    ///
    /// - Parameters:
    ///   - norm: the gradient's.
    ///   - number: of the update, counted from 1.
    func update(norm: Double, rate: Double, number: Int, clock: inout PhaseClock) {
        let limit = settings.maxGradNorm ?? .infinity
        let factor = norm > limit ? Float(limit / (norm + 1e-6)) : 1
        clock.measure(.update) {
            optimizer.update(
                weights.values, gradients: gradients.values, factor: factor, rate: rate, step: number)
        }
        guard isSharded else { return }
        clock.measure(.reduce) {
            communicator.gather(
                UnsafeMutableBufferPointer(start: weights.values, count: weights.count),
                fromOwnersOf: optimizer.shares)
        }
    }
}
