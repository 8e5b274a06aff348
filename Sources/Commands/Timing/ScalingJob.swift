import Collectives
import Kernels
import Liveness
import Machine
import Modeling
import Preferences
import RunFiles
import Storage
import Training

/// `scaling`: the same steps of a run from the same weights in different ways. They are taken on 1, 2, 4, … ranks of this job,
/// and with one rank's share of a step cut into more and more micro-batches.
package enum ScalingJob {
    /// A number of ranks with a size of micro-batches, and what its steps took.
    package struct Trial: Sendable {
        package let ranks: Int
        /// Nodes that these ranks are on.
        package let nodes: Int
        /// Micro-batches of the busiest rank, the most of all steps.
        package let accumulation: Int
        /// `micro_batch_tokens`, and the packed tokens of the largest micro-batch.
        package let microBatchTokens: Int
        package let largestMicroBatch: Int
        /// Of each step after the first, the slowest rank's.
        package let seconds: [Double]
        /// Of the time of all ranks, what went into waiting for others and into reducing.
        package let waitShare: Double
        package let reduceShare: Double
        /// The bytes that a rank has reduced in a step; 0 for one rank.
        package let reducedBytes: Int
        /// The mean loss of each step, the first included.
        package let losses: [Double]

        /// The median.
        package var stepSeconds: Double { seconds.sorted()[seconds.count / 2] }
    }

    /// Micro-batch sizes tried for each number of ranks: as large as the run's, then a half, a quarter and an eighth.
    private static let sizes = 4

    /// - Parameter steps: to time, after one that isn't.
    /// - Throws: on every rank alike. Collective.
    package static func run(
        _ file: RunFile, steps: Int, over communicator: Communicator, console: Console
    ) throws -> ScalingReport {
        var file = file
        // As many pairs a step on any number of ranks as on all of them.
        file.batch.setPairs(file.batch.pairs(worldSize: communicator.size))
        var trials: [Trial] = []
        for ranks in rankCounts(upTo: communicator.size) {
            var tokens = file.batch.microBatchTokens
            for _ in 0..<sizes {
                let trial = try attempt(ranks, of: file, tokens, steps: steps, over: communicator, console: console)
                // A size that makes no more micro-batches than the last one was too small for that.
                if let last = trials.last, last.ranks == ranks, last.accumulation >= trial.accumulation { break }
                trials.append(trial)
                console.line(
                    "\(ranks) rank\(ranks == 1 ? "" : "s") × \(trial.accumulation) micro-batches: "
                        + "\(fixed(trial.stepSeconds, 3)) s a step")
                // Exact sums hold for one cutting into micro-batches, whoever computes them.
                if file.machine.reproducible { break }
                tokens = (trial.largestMicroBatch + 1) / 2
            }
        }
        return ScalingReport(trials, pairs: file.batch.pairs(worldSize: 1), isExact: file.machine.reproducible)
    }

    /// 1, 2, 4, … and all.
    private static func rankCounts(upTo size: Int) -> [Int] {
        Array(sequence(first: 1) { 2 * $0 < size ? 2 * $0 : nil }) + (size > 1 ? [size] : [])
    }

    /// The first ranks take the steps; the others sleep. All of them know the result.
    private static func attempt(
        _ ranks: Int, of file: RunFile, _ tokens: Int?, steps: Int, over communicator: Communicator, console: Console
    ) throws -> Trial {
        var file = file
        file.batch.microBatchTokens = tokens
        var outcome: Result<Trial, any Error>?
        if let part = communicator.group(communicator.rank < ranks ? 0 : nil) {
            outcome = Result { try trial(file, steps: steps, over: part) }
            part.finalize()
        }
        communicator.sleepUntilAll()
        let known = try communicator.failingTogether(status: exitStatus) { try outcome?.get() }
        // Whether to go on is decided alike, by what rank 0 knows.
        return Trial(known, over: communicator)
    }

    private static func exitStatus(_ error: any Error) -> Int32 {
        (error as? SharedFailure)?.status ?? (error as? TrainingError)?.status ?? 2
    }

    private static func trial(_ file: RunFile, steps: Int, over communicator: Communicator) throws -> Trial {
        let run = try TrainingRun(file, over: communicator, console: Console(speaks: false), mayBeBare: true)
        let learner = try run.learner()
        var clock = PhaseClock()
        var (seconds, losses, accumulation, largest) = ([Double](), [Double](), 0, 0)
        for step in 0...steps {
            if step == 1 { clock = PhaseClock() }
            let plan = run.planner.plan(step: step)
            accumulation = max(accumulation, plan.ranks.map(\.count).max() ?? 0)
            largest = max(largest, plan.microBatches.map(\.rows).max() ?? 0)
            communicator.barrier()
            let start = SteadyClock.now()
            let outcome = try learner.step(plan, clock: &clock)
            let spent = communicator.max(SteadyClock.now() - start)
            if step > 0 { seconds.append(spent) }
            losses.append(outcome.judgements.reduce(0) { $0 + $1.output.loss } / Double(outcome.judgements.count))
        }
        var phases = [clock.total[.wait] ?? 0, clock.total[.reduce] ?? 0, clock.total.values.reduce(0, +)]
        communicator.sum(&phases)
        let bytes = run.trained.count * (file.machine.reproducible ? 8 : 4)
        return Trial(
            ranks: communicator.size, nodes: communicator.nodes.count, accumulation: accumulation,
            microBatchTokens: run.file.batch.microBatchTokens ?? 0, largestMicroBatch: largest, seconds: seconds,
            waitShare: phases[0] / phases[2], reduceShare: phases[1] / phases[2],
            reducedBytes: communicator.size > 1 ? bytes : 0, losses: losses)
    }
}

extension ScalingJob.Trial {
    /// Gives rank 0's trial to all ranks. Collective.
    fileprivate init(_ trial: ScalingJob.Trial?, over communicator: Communicator) {
        let timed = communicator.broadcast(trial?.seconds.count ?? 0)
        let values = communicator.broadcast(
            trial.map { trial in
                let counts = [
                    trial.ranks, trial.nodes, trial.accumulation, trial.microBatchTokens, trial.largestMicroBatch,
                    trial.reducedBytes,
                ]
                return counts.map(Double.init) + [trial.waitShare, trial.reduceShare] + trial.seconds + trial.losses
            } ?? [])
        self.init(
            ranks: Int(values[0]), nodes: Int(values[1]), accumulation: Int(values[2]),
            microBatchTokens: Int(values[3]), largestMicroBatch: Int(values[4]), seconds: Array(values[8..<8 + timed]),
            waitShare: values[6], reduceShare: values[7], reducedBytes: Int(values[5]),
            losses: Array(values[(8 + timed)...]))
    }
}
