import RunFiles
import Statistics
import Storage
import Training

/// A way to a policy that gets reward for divergence.
enum FrontierMethod: String, CaseIterable {
    case reference, dpo, ppo
    case ppoTruth = "ppo-gt"
    case unlikelihood
    case preferredFT = "preferred-ft"
    case bestOfN = "best-of-n"

    /// The quantity that its setting is a number of.
    var setting: String {
        switch self {
        case .dpo, .ppo, .ppoTruth: "β"
        case .unlikelihood: "α"
        case .preferredFT: "seed"
        case .bestOfN: "N"
        case .reference: ""
        }
    }

    /// A setting as it stands in names.
    static func text(of setting: Double) -> String {
        setting == setting.rounded() ? "\(Int(setting))" : "\(setting)"
    }
}

/// A policy's mean true reward on held-out prompts against its divergence from the reference, in nats a response.
struct FrontierPoint {
    let method: FrontierMethod
    /// β (PPO's kl_coef), α, a seed or N.
    let setting: Double?
    let step: Int?
    /// Its folder.
    let model: String?
    let reward: Sample
    /// Of the exact steps over the vocabulary; of best-of-n an upper bound.
    let divergence: Sample
    /// Of the drawn tokens' log-ratios, and of the two estimates' difference; nil for a bound.
    let sampled: (divergence: Sample, difference: Sample)?
    let length: Double?

    /// The difference of the two estimates' means in its standard errors.
    var disagreement: Double? {
        guard let difference = sampled?.difference else { return nil }
        return difference.standardError > 0 ? abs(difference.mean) / difference.standardError : 0
    }

    var name: String {
        guard let setting else { return method.rawValue }
        let step = step.map { ", step \($0)" } ?? ""
        return "\(method.rawValue), \(method.setting) \(FrontierMethod.text(of: setting))\(step)"
    }

    /// A row of `points.jsonl`.
    var json: JSON {
        var row: JSONObject = ["method": .string(method.rawValue)]
        row["setting"] = setting.map { .number($0) }
        row["step"] = step.map { .integer($0) }
        row["reward"] = .number(reward.mean)
        row["reward_se"] = .number(reward.standardError)
        if let sampled {
            row["kl"] = .number(divergence.mean)
            row["kl_se"] = .number(divergence.standardError)
            row["kl_sampled"] = .number(sampled.divergence.mean)
            row["kl_sampled_se"] = .number(sampled.divergence.standardError)
            row["kl_difference_in_se"] = disagreement.map { .number($0) }
        } else {
            row["kl_bound"] = .number(divergence.mean)
        }
        row["length"] = length.map { .number($0) }
        row["prompts"] = .integer(reward.count)
        row["model"] = model.map { .string($0) }
        return .object(row)
    }
}

/// The win rate of a policy's responses at a temperature over the reference's at 1.
struct FrontierWin {
    let method: FrontierMethod
    let temperature: Double
    /// A tie counts a half.
    let rate: Double
    let interval: Interval
    let model: String

    var json: JSON {
        [
            "method": .string(method.rawValue), "temperature": .number(temperature), "win_rate": .number(rate),
            "low": .number(interval.low), "high": .number(interval.high), "model": .string(model),
        ]
    }
}
