import Collectives
import Machine
import Modeling
import Objectives
import Preferences

/// The statistics of a batch that some losses compare rewards with: means of log π/π_ref under the policy as it is, by
/// forward passes of all ranks. Every logp is computed by one rank alike whatever the packing, and sums are taken in the
/// order of the batch, so they have the same bits on any number of ranks.
struct LogRatioScoring {
    let set: PreferenceSet
    let columns: ResponseColumns
    let communicator: Communicator
    let console: Console

    /// KTO's: the mean over the batch's mismatched responses; 0 without any.
    /// - Throws: `TrainingError.nonFiniteScore`, alike on every rank. Collective.
    func mismatched(_ batch: [Judgement], with transformer: Transformer, model: String) throws -> Double {
        let pairings = set.mismatched(batch)
        guard !pairings.isEmpty else { return 0 }
        let policy = try logps(pairings, with: transformer, model: model)
        let sum = zip(pairings, policy).reduce(0) { $0 + ($1.1 - (columns.mismatched[$1.0] ?? .nan)) }
        return sum / Double(pairings.count)
    }

    /// BCO's: the sum over all responses of the batch, and their number.
    /// - Throws: `TrainingError.nonFiniteScore`, alike on every rank. Collective.
    func all(_ batch: [Judgement], with transformer: Transformer, model: String) throws -> RunningMean {
        let responses = batch.flatMap(\.responses)
        let policy = try logps(
            responses.map { PreferenceSet.Pairing(prompt: $0, response: $0) }, with: transformer, model: model)
        return RunningMean(of: zip(policy, responses).map { $0 - columns.reference[$1] })
    }

    private func logps(
        _ pairings: [PreferenceSet.Pairing], with transformer: Transformer, model: String
    ) throws -> [Double] {
        let paired = PreferenceSet(pairing: pairings, of: set, longest: columns.longest)
        return try ResponseScoring(set: paired, communicator: communicator, console: console).logps(
            of: Array(paired.comparisons.indices), with: transformer, title: nil, model: model)
    }
}

/// A mean of all numbers so far, kept as their sum and count.
struct RunningMean: Equatable {
    var sum = 0.0
    var count = 0

    init(sum: Double = 0, count: Int = 0) {
        self.sum = sum
        self.count = count
    }

    init(of values: [Double]) {
        sum = values.reduce(0, +)
        count = values.count
    }

    var value: Double { count == 0 ? 0 : sum / Double(count) }

    mutating func add(_ other: RunningMean) {
        sum += other.sum
        count += other.count
    }
}
