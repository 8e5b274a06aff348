import Collectives
import Liveness
import Machine
import RunFiles
import Training

/// Times a step of SimPO beside one of DPO. DPO is timed with its reference cached, and with its reference computed for
/// each step, as a trainer without a cache does. Steps of the three are taken in turn.
struct StepTiming {
    let simpo: Double
    let dpoCached: Double
    let dpoOnline: Double
    /// Bytes of a rank's arrays while it trains.
    let simpoBytes: Int
    let dpoBytes: Int
    /// The further bytes that a reference beside the policy would take.
    let referenceBytes: Int

    private static let rounds = 7

    /// - Throws: on every rank alike. Collective.
    init(simpo: RunFile, dpo: RunFile, over communicator: Communicator) throws {
        let silent = Console(speaks: false)
        let runs = try [simpo, dpo].map { try TrainingRun($0, over: communicator, console: silent) }
        let learners = try runs.map { try $0.learner() }
        let set = runs[1].train.set
        let reference = try communicator.failingTogether {
            try runs[1].policy.seeing(positions: set.longest, on: runs[1].pool)
        }
        let scoring = ResponseScoring(set: set, communicator: communicator, console: silent)
        var clock = PhaseClock()
        var seconds: [[Double]] = [[], [], []]
        func time(_ place: Int, _ body: () throws -> Void) rethrows {
            communicator.barrier()
            let start = SteadyClock.now()
            try body()
            seconds[place].append(communicator.max(SteadyClock.now() - start))
        }
        for round in 0...StepTiming.rounds {
            let plans = runs.map { $0.planner.plan(step: round % max(1, $0.totalSteps)) }
            for place in 0..<2 { try time(place) { _ = try learners[place].step(plans[place], clock: &clock) } }
            let comparisons = Set(plans[1].microBatches.flatMap { $0.comparisons.map(\.comparison) }).sorted()
            try time(2) { try scoring.eachScore(of: comparisons, with: reference, title: nil) { _, _ in } }
        }
        // The first round meets cold memory.
        let medians = seconds.map { $0.dropFirst().sorted()[StepTiming.rounds / 2] }
        (self.simpo, dpoCached, dpoOnline) = (medians[0], medians[1], medians[1] + medians[2])
        func bytes(_ run: TrainingRun) -> Int { RunSummary.memory(of: run).reduce(0) { $0 + $1.bytes } }
        (simpoBytes, dpoBytes) = (bytes(runs[0]), bytes(runs[1]))
        // Adapters leave their base as it was: it is the reference.
        referenceBytes = runs[1].policy.frozen == nil ? 4 * runs[1].trained.count : 0
    }
}
