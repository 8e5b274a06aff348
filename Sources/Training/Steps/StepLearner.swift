import Liveness
import Objectives
import Preferences

/// Takes the steps of a run, whatever they consist of; the loop around it is the same.
package protocol StepLearner: AnyObject {
    var descent: Descent { get }
    /// The numbers that the steps so far leave for those to come, beside the weights and the optimizer's state.
    var carried: CarriedState { get set }

    /// Takes one step.
    ///
    /// - Throws: `TrainingError` on every rank alike; where numbers are out of range before any weight of the step has
    ///   changed. Collective.
    func step(_ plan: StepPlan, clock: inout PhaseClock) throws -> StepOutcome
}

/// Numbers that a step leaves for the next one: part of a checkpoint.
package struct CarriedState: Equatable {
    /// log π/π_ref over all responses of all steps so far, for a loss that shifts rewards by its mean (BCO).
    var runningLogRatio = RunningMean()
    /// PPO's price of leaving the reference where a target leads it; nil before the first step, and in other runs.
    var klCoefficient: Double?
    /// PPO's of all rewards so far, where they are normalised.
    var rewardMoments = RunningMoments()
}
