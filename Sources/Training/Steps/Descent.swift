import Collectives
import Kernels
import Liveness
import Machine
import Modeling
import Preferences
import RunFiles

/// The trained vector on its way down a gradient that all ranks compute. Every rank adds its micro-batches, the ranks
/// reduce once, and each updates its replica; or with `zero_stage: 1` its share of it, and takes the others' from them.
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

    /// Has this rank compute its micro-batches of a step. Gradients may be on their way to other ranks before the last one
    /// ends. Collective.
    ///
    /// - Parameter compute: adds the gradients of the micro-batch at an index; told whether it is this rank's last.
    func add(_ plan: StepPlan, clock: inout PhaseClock, compute: (_ index: Int, _ isLast: Bool) -> Void) {
        clock.measure(.compute) {
            let own = plan.ranks[communicator.rank]
            for index in own { compute(index, index == own.last) }
            gradients.close()
        }
        if !gradients.sumsInBackground { clock.measure(.wait) { communicator.barrier() } }
    }

    /// Sums the gradients over all ranks, where each needs them, and a step's numbers. Collective.
    func reduce(_ sums: inout StepSums, clock: inout PhaseClock) {
        sums.bound = gradients.bound
        sums.stop = StopSignal.isRequested
        clock.measure(.reduce) {
            gradients.reduce(over: communicator, toOwnersOf: optimizer.shares)
            sums.reduce(over: communicator)
        }
    }

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
