/// A number that some losses compare rewards with. It is known before a step's gradients are computed, from forward
/// passes over the whole global batch, and then a constant: no gradient goes through it.
package enum BatchStatistic: Sendable, Equatable {
    /// KTO's estimate of KL(π ‖ π_ref): the mean of Σ_t log π/π_ref over the batch's prompts, each with the response of
    /// another row.
    case mismatchedLogRatio
    /// BCO's δ/β: the mean of log π/π_ref over both responses of all pairs so far.
    case runningLogRatio
}

/// The numbers that an objective reads of the global batch that a judgement is in.
package struct BatchStatistics: Sendable, Equatable {
    /// Σ n / judgements over the responses whose likelihood counts: for `nll_reduction: token`.
    package var meanLength: Double
    /// In nats; 0 unless the objective asks for it.
    package var mismatchedLogRatio: Double
    package var runningLogRatio: Double

    package init(meanLength: Double, mismatchedLogRatio: Double = 0, runningLogRatio: Double = 0) {
        self.meanLength = meanLength
        self.mismatchedLogRatio = mismatchedLogRatio
        self.runningLogRatio = runningLogRatio
    }
}
