import RunFiles

extension TrainingRun {
    /// The way responses are drawn and rewarded, in words, of a run whose policy draws them.
    var rolloutTexts: [String] {
        guard file.objective.judges == .prompts else { return [] }
        let settings = file.ppo
        let rewards = file.rewards.sources.map { reward in
            "\(file.rewards.weight(of: reward.name)) · \(reward.name) (\(reward.source.spec))"
        }
        var worth = rewards.joined(separator: " + ")
        if settings.normalizesReward { worth += ", normalised by all so far" }
        if let penalty = settings.missingEOSPenalty { worth += ", less \(penalty) without an end" }
        let led = settings.target.map { ", kl_coef led to a KL of \($0) nats" } ?? ""
        return [
            "responses: of up to \(settings.responseLength) tokens, drawn at temperature \(settings.temperature); "
                + "\(settings.epochs) passes over a step's in \(settings.miniBatches) "
                + "update\(settings.miniBatches == 1 ? "" : "s") each\(led)",
            "reward: \(worth)",
        ]
    }
}
