import Glibc

extension Metric {
    /// Every metric, in the order to print them in. Rewards are those of `Objective.reward`; accuracies count rewards that are
    /// strictly greater by more than rounding, since ties are not wins.
    package static let all: [Metric] =
        [loss, perplexity] + rewards + labelledRewards + combinedRewards + referencePoints + logps + labelledLogps
        + demonstrationLogps

    private static let loss = Metric("loss", .less, for: { $0.judges != .prompts }) {
        ($0.lossWeight * $0.output.loss, 1)
    }

    /// exp of the mean negative logps over all scored tokens.
    private static let perplexity = Metric("perplexity", .less, for: { $0.judges == .demonstrations }) {
        (-$0.input.responses[0].logps, Double($0.input.responses[0].length))
    } then: {
        exp($0)
    }

    // MARK: - Better and worse responses

    private static let rewards: [Metric] = [
        overPreferences("rewards/chosen", .greater) { $0.output.rewards[$1.chosen] },
        overPreferences("rewards/rejected", .neither) { $0.output.rewards[$1.rejected] },
        overPreferences("rewards/margins", .greater) { $0.output.rewards[$1.chosen] - $0.output.rewards[$1.rejected] },
        overPreferences("rewards/accuracies", .greater) { $0.output.comparison($1) == .win ? 1 : 0 },
        // Rewards that are equal up to rounding: all of them before the first step.
        overPreferences("ties", .neither) { $0.output.comparison($1) == .tie ? 1 : 0 },
    ]

    /// MODPO: the rewards that the loss compares.
    private static let combinedRewards: [Metric] = [
        overPreferences("rewards/combined_chosen", .greater, for: \.needsMarginRewards) {
            $0.output.combinedRewards[$1.chosen]
        },
        overPreferences("rewards/combined_rejected", .neither, for: \.needsMarginRewards) {
            $0.output.combinedRewards[$1.rejected]
        },
        overPreferences("rewards/combined_margins", .greater, for: \.needsMarginRewards) {
            $0.output.combinedRewards[$1.chosen] - $0.output.combinedRewards[$1.rejected]
        },
        overPreferences("rewards/combined_accuracies", .greater, for: \.needsMarginRewards) {
            $0.output.combinedRewards[$1.chosen] > $0.output.combinedRewards[$1.rejected] ? 1 : 0
        },
    ]

    /// Sums per response, in nats; `…_mean` per token. `logps/accuracies`: how often the policy itself finds the better
    /// response the more probable one: unlike the accuracy of rewards it says something before the first step too.
    private static let logps: [Metric] = [
        overPreferences("logps/chosen", .greater, for: \.comparesLogps) { $0.input.responses[$1.chosen].logps },
        overPreferences("logps/rejected", .neither, for: \.comparesLogps) { $0.input.responses[$1.rejected].logps },
        overPreferences("logps/chosen_mean", .greater, for: \.comparesLogps) {
            $0.input.responses[$1.chosen].meanLogps
        },
        overPreferences("logps/rejected_mean", .neither, for: \.comparesLogps) {
            $0.input.responses[$1.rejected].meanLogps
        },
        overPreferences("logps/accuracies", .greater, for: \.comparesLogps) {
            $0.input.responses[$1.chosen].logps > $0.input.responses[$1.rejected].logps ? 1 : 0
        },
    ]

    // MARK: - Labelled responses

    /// Chosen stands for desirable, rejected for undesirable, as in TRL. A response is judged rightly when its reward lies on
    /// the label's side of z.
    private static let labelledRewards: [Metric] = [
        Metric("rewards/chosen", .greater, for: \.judgesLabels) { $0.rewardIfDesirable },
        Metric("rewards/rejected", .neither, for: \.judgesLabels) { $0.rewardIfUndesirable },
        Metric("rewards/margins", .greater, for: \.judgesLabels) {
            $0.rewardIfDesirable
        } less: {
            $0.rewardIfUndesirable
        },
        Metric("rewards/accuracies", .greater, for: \.judgesLabels) {
            ($0.output.labelIsMet($0.input) == .win ? 1 : 0, 1)
        },
        Metric("ties", .neither, for: \.judgesLabels) { ($0.output.labelIsMet($0.input) == .tie ? 1 : 0, 1) },
    ]

    private static let labelledLogps: [Metric] = [
        Metric("logps/chosen", .greater, for: \.judgesLabels) {
            $0.isDesirable == true ? ($0.input.responses[0].logps, 1) : nil
        },
        Metric("logps/rejected", .neither, for: \.judgesLabels) {
            $0.isDesirable == false ? ($0.input.responses[0].logps, 1) : nil
        },
        Metric("logps/chosen_mean", .greater, for: \.judgesLabels) {
            $0.isDesirable == true ? ($0.input.responses[0].meanLogps, 1) : nil
        },
        Metric("logps/rejected_mean", .neither, for: \.judgesLabels) {
            $0.isDesirable == false ? ($0.input.responses[0].meanLogps, 1) : nil
        },
    ]

    /// KTO's z/β, in nats as TRL has it, and BCO's δ, in units of the rewards.
    private static let referencePoints: [Metric] = [
        Metric("kl", .neither, for: { $0.needs(.mismatchedLogRatio) }) { ($0.output.statistic, 1) },
        Metric("rewards/shift", .neither, for: { $0.needs(.runningLogRatio) }) { ($0.output.referencePoint, 1) },
    ]

    // MARK: - Demonstrations

    private static let demonstrationLogps: [Metric] = [
        Metric("logps/chosen", .greater, for: { $0.judges == .demonstrations }) { ($0.input.responses[0].logps, 1) },
        Metric("logps/chosen_mean", .greater, for: { $0.judges == .demonstrations }) {
            ($0.input.responses[0].meanLogps, 1)
        },
    ]
}

extension Objective {
    fileprivate var judgesLabels: Bool { judges == .labelled }
    fileprivate var comparesLogps: Bool { needsRejected && !readsRewards }
}

/// A reward's order beside another number.
private enum Comparison {
    case win, tie, loss

    init(_ difference: Double, resolution: Double) {
        self = abs(difference) <= resolution ? .tie : difference > 0 ? .win : .loss
    }
}

extension JudgementOutput {
    fileprivate func comparison(_ pair: Preference) -> Comparison {
        Comparison(
            rewards[pair.chosen] - rewards[pair.rejected],
            resolution: resolutions[pair.chosen] + resolutions[pair.rejected])
    }

    fileprivate func labelIsMet(_ input: JudgementInput) -> Comparison {
        let gain = rewards[0] - referencePoint
        return Comparison(input.verdict == .labelled(isDesirable: true) ? gain : -gain, resolution: resolutions[0])
    }
}

extension Metric.Judged {
    fileprivate var isDesirable: Bool? {
        if case .labelled(let isDesirable) = input.verdict { isDesirable } else { nil }
    }
    fileprivate var rewardIfDesirable: Metric.Share { isDesirable == true ? (output.rewards[0], 1) : nil }
    fileprivate var rewardIfUndesirable: Metric.Share { isDesirable == false ? (output.rewards[0], 1) : nil }
}
