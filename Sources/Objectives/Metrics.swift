/// Sums over pairs and the metrics made of them, under the field's names.
///
/// Every metric is a sum over pairs divided by their number: never a mean of means. Sums are taken in double precision
/// in the order of `add`, so ranks that add the same pairs in the same order (the step's) report the same bits,
/// whatever rank computed a pair. Keep adding over several steps for the mean of all their pairs.
///
/// - `loss`
/// - `rewards/chosen`, `rewards/rejected`, `rewards/margins`: implicit rewards and their difference.
/// - `rewards/accuracies`: the share of pairs whose chosen reward is strictly greater, by more than rounding.
/// - `ties`: the share of pairs whose rewards are equal up to rounding (all of them before the first step).
/// - `rewards/combined_…` (MODPO only): the same of the combined rewards, which the loss compares.
/// - `logps/accuracies`: the share of pairs whose chosen response the policy itself finds the more probable one: unlike
///   the accuracy of rewards it says something before the first step too.
/// - `logps/chosen`, `logps/rejected`: sums per response, in nats; `logps/chosen_mean`, `logps/rejected_mean`: per
///   token.
///
/// `sft` has `loss`, `logps/chosen` and `logps/chosen_mean` only.
package struct Metrics: Sendable {
    private let hasRejected: Bool
    private let hasCombined: Bool

    /// Pairs added so far.
    package private(set) var pairs = 0

    private var loss = 0.0
    private var rewards = RewardSums()
    private var combined = RewardSums()
    private var chosenLogps = 0.0
    private var rejectedLogps = 0.0
    private var moreProbable = 0.0
    private var chosenMeanLogps = 0.0
    private var rejectedMeanLogps = 0.0

    package init(of objective: Objective) {
        hasRejected = objective.needsRejected
        hasCombined = objective.needsMarginRewards
    }

    package mutating func add(_ input: PairInput, _ output: PairOutput) {
        pairs += 1
        loss += output.loss
        chosenLogps += input.chosenLogps
        chosenMeanLogps += input.chosenMeanLogps
        guard hasRejected else { return }
        rejectedLogps += input.rejectedLogps
        if input.chosenLogps > input.rejectedLogps { moreProbable += 1 }
        rejectedMeanLogps += input.rejectedMeanLogps
        rewards.add(
            chosen: output.chosenReward, rejected: output.rejectedReward, resolution: output.rewardResolution)
        guard hasCombined else { return }
        combined.add(chosen: output.chosenCombinedReward, rejected: output.rejectedCombinedReward, resolution: 0)
    }

    /// Names and values in the order to print them; none before the first pair.
    package var values: [(name: String, value: Double)] {
        pairs == 0 ? [] : sums.map { ($0.name, $0.value / Double(pairs)) }
    }

    /// The metrics that this objective has.
    package var names: [String] { sums.map(\.name) }

    private var sums: [(name: String, value: Double)] {
        var sums: [(name: String, value: Double)] = [("loss", loss)]
        if hasRejected { sums += rewards.named(prefix: "rewards/") + [("ties", rewards.ties)] }
        if hasCombined { sums += combined.named(prefix: "rewards/combined_") }
        sums.append(("logps/chosen", chosenLogps))
        if hasRejected { sums.append(("logps/rejected", rejectedLogps)) }
        sums.append(("logps/chosen_mean", chosenMeanLogps))
        if hasRejected { sums += [("logps/rejected_mean", rejectedMeanLogps), ("logps/accuracies", moreProbable)] }
        return sums
    }

    /// One value by name, for the progress line and `metric_for_best_model`.
    package subscript(name: String) -> Double? {
        values.first { $0.name == name }?.value
    }
}

/// Counts are kept as doubles: they divide like the other sums and are exact to 2⁵³.
private struct RewardSums: Sendable {
    var chosen = 0.0
    var rejected = 0.0
    var margins = 0.0
    var wins = 0.0
    var ties = 0.0

    mutating func add(chosen: Double, rejected: Double, resolution: Double) {
        self.chosen += chosen
        self.rejected += rejected
        margins += chosen - rejected
        if abs(chosen - rejected) <= resolution {
            ties += 1
        } else if chosen > rejected {
            wins += 1
        }
    }

    func named(prefix: String) -> [(name: String, value: Double)] {
        [
            (prefix + "chosen", chosen), (prefix + "rejected", rejected),
            (prefix + "margins", margins), (prefix + "accuracies", wins),
        ]
    }
}
